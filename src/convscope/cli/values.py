"""The types of options: numbers as `numerals` reads them, and not as Python does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..numerals import natural, real, whole
from ..options import Option


class Number(click.ParamType[Any]):
    """A number that `read` takes from text, at least `least` and at most `most` where these are given."""

    def __init__(self, name: str, read: Callable[[str], Any], least: int | None = None, most: int | None = None) -> None:
        self.name, self.read, self.least, self.most = name, read, least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number."""
        if not isinstance(value, str):
            return value
        try:
            number = self.read(value)
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)
        if (self.least is not None and number < self.least) or (self.most is not None and number > self.most):
            self.fail(f"{number} is outside {self.least} to {'any number' if self.most is None else self.most}.", param, ctx)
        return number


WHOLE, REAL = Number("integer", whole), Number("float", real)
PLAIN = {int: "integer", float: "float", str: "text", Path: "path"}


class Value(click.ParamType[Any]):
    """The value of an option of a method, which the option itself reads and checks, for the command line as for everybody."""

    def __init__(self, option: Option) -> None:
        self.option = option
        self.name = PLAIN[option.type]

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """Return the choices, where there are some."""
        return f"[{'|'.join(map(str, self.option.choices))}]" if self.option.choices else None

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value. Raises OptionError."""
        return self.option.read(value) if isinstance(value, str) else value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        """Return the choices that begin so, files for a path."""
        from click.shell_completion import CompletionItem

        if self.option.type is Path or self.option.names:
            return [CompletionItem(incomplete, type="file")]
        return [CompletionItem(choice) for choice in map(str, self.option.choices) if choice.startswith(incomplete)]


class Shape(click.ParamType[tuple[int | None, ...]]):
    """Reads 224,224,3; a ? is a free side."""

    name = "shape"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int | None, ...]:
        """Return the numbers."""
        if isinstance(value, tuple):
            return value
        try:
            return tuple(None if one.strip() in ("?", "") else natural(one) for one in str(value).strip("()").split(","))
        except ValueError:
            self.fail(f"`{value}` is not a shape. Expected height,width,channels such as 224,224,3.", param, ctx)
