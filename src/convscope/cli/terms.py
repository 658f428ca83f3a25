"""Words of a command line that begin with a minus and are not options: terms of an expression, such as -0.5*block4_conv2:17."""

import re
from typing import Any

import click

from ..numerals import REAL

# Stands before a term while click divides the words: no word of a shell holds it, and click takes what begins so for an argument.
MARK = "\0"
WEIGHTED = re.compile(rf"\s*(?:{REAL}\s*\*|odds\()")
NUMBERED = re.compile(r"[^:\s]+:\s*[0-9][0-9,-]*(?:@[0-9]+,[0-9]+)?")
SUM = re.compile(r"\s[+-]\s")


class TermCommand(click.Command):
    """A command whose arguments may begin with a minus, without a `--` before them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click's own, with terms marked as arguments, except the values of options and the words after `--`."""
        flags = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        valued = {flag for param in flags if not param.is_flag for flag in param.opts}
        letters = {flag[1] for param in flags for flag in param.opts if len(flag) == 2}
        end = args.index("--") if "--" in args else len(args)
        before = ["", *args]
        marked = [MARK + word if before[place] not in valued and is_term(word, letters) else word for place, word in enumerate(args[:end])]
        return super().parse_args(ctx, [*marked, *args[end:]])


class Argument(click.ParamType[str]):
    """An argument of a `TermCommand`, which takes the mark away again."""

    name = "argument"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the word as it was written."""
        return str(value).removeprefix(MARK)


def is_term(word: str, letters: set[str]) -> bool:
    """Say whether a word is a term with a minus, in a command whose short options have these `letters`.

    `-mixed4:5` may also be the option -m with its value; what is numbered as a unit is taken for a term.
    """
    if len(word) < 2 or word[0] != "-" or word[1] == "-":
        return False
    if WEIGHTED.match(word, 1):
        return True
    if word[1] in letters and not SUM.search(word):
        return NUMBERED.fullmatch(word, 1) is not None
    return ":" in word
