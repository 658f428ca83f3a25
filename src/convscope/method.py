"""What a method says of itself, so that the command line, the session and `replay` can offer it without knowing it."""

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from . import backend, options
from .options import Option as Form
from .results import Provenance, Result


def _always(*taken: Any) -> bool:
    return True


def Option(name: str, type: type, default: Any, help: str, **facts: Any) -> Form:  # noqa: N802 (until the portraits have signatures)
    """Return an option that no signature says."""
    return Form(help=help, name=name, type=type, default=default, optional=default is None, open=True, **facts)


def _theme(theme: options.Theme = "light", stop: options.Stop = None) -> None:
    """Hold the forms of the options that the portraits still list by hand."""


THEMES, (THEME, STOP) = options.THEMES, options.options_of(_theme)


class Part(NamedTuple):
    """One picture of a request for many: its name, "" where it is the only one, and what the method is called with for it."""

    name: str
    taken: tuple[Any, ...]
    options: dict[str, Any]


@dataclass(frozen=True)
class Method:
    """One way of looking. `run(bundle, *taken, **options)` returns a Result; `takes` names what comes before the options,
    among "layer", "unit", "units", "images". `summary` is the sentence that `--help` shows; the catalogue has those of the built-in
    methods. `examples` are complete command lines. `needs_model(*taken)` says whether these inputs
    are looked at with a network; without one, `run` gets None. `has_page`: its result can be written as a page, by `save_page`.

    `model_of(options, custom=, unsafe=)` returns the network that the options name, such as a scan's, where the user names none.
    `pages(bundle, *taken, **options)` divides what is too much for one picture.
    `job(bundle, *taken, **options, **job_options)` returns what makes a large request part by part and resumes it,
    None for a small one; with it, nothing need be taken where the `job_options` say what is meant.
    `of_runs`: an option or an image may be the folder of a run, which names files elsewhere.
    `of_last_layer`: without a layer it looks at the last one, so its default model is one that has it.
    `in_todays_words(parameters)` returns the parameters that an earlier release recorded in a picture as `run` takes them now.
    `watched`: `run` takes `watch`, which gets each step and can ask for the pictures at that time.
    """

    name: str
    run: Callable[..., Result]
    takes: tuple[str, ...]
    options: tuple[Form, ...] = ()
    examples: tuple[str, ...] = ()
    summary: str = ""
    description: str = ""
    needs_model: Callable[..., bool] = _always
    has_page: bool = False
    model_of: Callable[..., Any] | None = None
    pages: Callable[..., Sequence[Part]] | None = None
    job: Callable[..., Any] | None = None
    job_options: tuple[Form, ...] = ()
    in_todays_words: Callable[[Mapping[str, Any]], dict[str, Any]] = dict
    watched: bool = False
    of_last_layer: bool = False
    of_runs: bool = False

    def divided(self, bundle: Any, taken: Iterable[Any], options: dict[str, Any]) -> Sequence[Part]:
        """Return the pictures that are meant."""
        return [Part("", tuple(taken), options)] if self.pages is None else self.pages(bundle, *taken, **options)

    def command_line(
        self, taken: Iterable[Any], options: dict[str, Any], *, model: str, told: Mapping[str, Any] | None = None, out: Path | None = None
    ) -> str:
        """Return the shell command that does the same as `run(load(model, **told), *taken, **options)`; defaults are left out."""
        words = ["convscope", self.name]
        for value in taken:
            words.extend(value if isinstance(value, list) else [value])
        for option in self.options:
            value = options.get(option.name, option.default)
            if value != option.default:
                words.extend([option.flag] if value is True else [option.flag, str(value)])
        return shlex.join([*words, "-m", model, *told_words(told or {}), *(["-o", str(out)] if out is not None else [])])


def told_words(told: Mapping[str, Any]) -> Iterator[str]:
    """Yield the options of a command that tell `load` what `told` does, and what `bundle.given` recorded."""
    for name, value in told.items():
        if name == "labels" and isinstance(value, list | tuple):
            continue  # names without a file, which no command can say
        if isinstance(value, Mapping):
            value = [f"{one}={number}" for one, number in value.items()]
        flag = "--input" if name == "inputs" else f"--{name.replace('_', '-')}"
        if name == "input_shape" and value:
            value = [",".join("?" if side is None else str(side) for side in value)]
        for one in value if isinstance(value, list | tuple) else [value]:
            if one not in (None, False):
                yield from [flag] if one is True else [flag, str(one)]


def provenance(
    method: str, bundle: Any, inputs: tuple[dict[str, Any], ...], parameters: dict[str, Any], seed: int | None = None
) -> Provenance:
    """Return the provenance of a result that `method` is making now on the chosen backend, or with no network (None) on none."""
    return Provenance(
        method=method,
        model={} if bundle is None else bundle.identity(),
        inputs=inputs,
        parameters=parameters,
        seed=seed,
        backend={} if bundle is None else {"name": backend.choose(), "device": backend.device_name()},
        versions=backend.versions(),
    )
