"""The types of options: numbers as `numerals` reads them, and not as Python does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..numerals import natural, real, whole


class Number(click.ParamType[Any]):
    """A number that `read` takes from text, at least `least` and at most `most` where these are given."""

    def __init__(self, name: str, read: Callable[[str], Any], least: int | None = None, most: int | None = None) -> None:
        self.name, self.read, self.least, self.most = name, read, least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number."""
        if not isinstance(value, str):
            return value
        try:
            found = self.read(value)
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)
        if (self.least is not None and found < self.least) or (self.most is not None and found > self.most):
            self.fail(f"{found} is outside {self.least} to {'any number' if self.most is None else self.most}.", param, ctx)
        return found


WHOLE, REAL = Number("integer", whole), Number("float", real)
TYPES = {int: WHOLE, float: REAL, Path: click.Path()}


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
