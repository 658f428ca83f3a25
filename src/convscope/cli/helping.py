"""What `?` and `help` say at the prompt."""

import click

from ..catalogue import COMMANDS, summary
from ..errors import OptionError, closest
from ..session.lines import ALIASES, DOINGS, LETTERS, MOVES, meant
from .forms import Forms

# Of no use at a prompt.
ELSEWHERE = ("session", "completion")
KEYS = (
    ("Tab", "Complete layers, units, classes, images, options and their values."),
    ("Right, Left", "On an empty line: the next or previous unit, and what was run at this one."),
    ("Up, Ctrl-R", "Earlier lines that begin so; search all of them."),
    ("Ctrl-L", "Draw the last picture again, as large as the window is now."),
    ("Ctrl-C, Ctrl-D", "Interrupt what runs, else clear the line, on an empty line leave."),
)
FOOT = (
    "Every command of `convscope` works here; what it needs and you leave out comes from the place. A semicolon divides commands: n; d; a"
)


def command_of(topic: str, forms: Forms) -> str:
    """Return the command that a word means, "" for one of the prompt's own. Raises OptionError."""
    name = meant(topic)
    if name in forms:
        return name
    if name in DOINGS or name in MOVES:
        return ""
    raise OptionError(f"No command `{topic}`. {closest('the commands', topic, [*forms, *MOVES, *DOINGS])}")


def own_help(topic: str) -> str:
    """Return the sentence on one of the prompt's own commands."""
    return f"{topic}: {(DOINGS | MOVES)[ALIASES.get(topic, topic)]}"


def overview(forms: Forms) -> str:
    """Return what `?` says: all commands with a sentence each, and the keys."""
    letters = {name: letter for letter, name in LETTERS.items()}
    commands = [name for name in forms if name not in ELSEWHERE]
    methods = [(f"{letters[name]}, {name}" if name in letters else f"   {name}", summary(name)) for name in commands if _draws(name)]
    others = ", ".join(name for name in commands if not _draws(name))
    with click.Context(click.Command("help"), max_content_width=110) as context:
        formatter = context.make_formatter()
        for heading, rows in (
            ("Draw", methods),
            ("Move", [*MOVES.items()]),
            ("Do", [*DOINGS.items()]),
            ("Keys", [*KEYS]),
        ):
            with formatter.section(heading):
                formatter.write_dl(rows)
        formatter.write_paragraph()
        formatter.write_text(FOOT.format(others))
    return formatter.getvalue().rstrip("\n")


def _draws(name: str) -> bool:
    return name not in COMMANDS or bool(COMMANDS[name].method)
