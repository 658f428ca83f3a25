"""What each command takes, read from the command line's own definition, so that the prompt's lines and the shell's are one grammar."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache

import click

from ..catalogue import COMMANDS, METHODS
from ..options import RANKED, RUN
from ..session.forms import INSTEAD, MODEL, Flag, Form
from ..session.place import Words

# What stands for the inputs in the usage of a command.
INPUTS = {"MODEL": "model", "LAYER": "layer", "UNIT": "unit", "UNIT...": "units", "IMAGE...": "images", "WORD...": "words"}


class Forms(Mapping[str, Form]):
    """The forms of all commands of a group by name; each is read when it is asked for."""

    def __init__(self, group: click.Group) -> None:
        self.group, self.context = group, click.Context(group)

    def __iter__(self) -> Iterator[str]:
        return iter(self.group.list_commands(self.context))

    def __len__(self) -> int:
        return len(self.group.list_commands(self.context))

    def __contains__(self, name: object) -> bool:
        return name in self.group.list_commands(self.context)

    def __getitem__(self, name: str) -> Form:
        """Return the form of a command. Raises KeyError."""
        if name not in self:
            raise KeyError(name)
        return _read(self.command(name))

    def command(self, name: str) -> click.Command:
        """Return the command of a name."""
        return _command(self.group, name)


@cache
def _command(group: click.Group, name: str) -> click.Command:
    command = group.get_command(click.Context(group), name)
    assert command is not None
    return command


@cache
def _read(command: click.Command) -> Form:
    name = str(command.name)
    special = _special(name)
    flags: dict[str, Flag] = {}
    takes: list[str] = []
    optional: set[str] = set()
    for param in command.params:
        if isinstance(param, click.Option):
            option = str(param.name)
            one = Flag(option, valued=not param.is_flag, names=special.get(option, ""))
            flags |= dict.fromkeys((*param.opts, *param.secondary_opts), one)
        else:
            words = (param.metavar or "").split()
            takes += [INPUTS[word.strip("[]")] for word in words if word.strip("[]") in INPUTS]
            optional |= {INPUTS[word.strip("[]")] for word in words if word.startswith("[") and word.strip("[]") in INPUTS}
    return Form(name, tuple(takes), frozenset(optional), flags, _suffices(name))


def _is_method(name: str) -> bool:
    return name in METHODS and not (name in COMMANDS and (COMMANDS[name].own or not COMMANDS[name].method))


def _suffices(name: str) -> Callable[[Words], bool] | None:
    """Return what says of images whether they hold what a network would compute; None for a command that always takes one."""
    found = METHODS.get(name).suffices if _is_method(name) and METHODS.get(name).takes == ("images",) else None
    return None if found is None else lambda images: found((list(images),))


def _special(name: str) -> dict[str, str]:
    """Return what the options of a command name, as far as a place knows it."""
    named = {"run": RUN, "model": MODEL}
    if _is_method(name):
        method = METHODS.get(name)
        named |= {option.name: option.names for option in method.options if option.names in (RUN, RANKED)}
        named |= {option.name: INSTEAD for option in method.large_options}
    return {} if name == "replay" else named
