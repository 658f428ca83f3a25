"""Columns as a table of the terminal."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.markup import escape

from ..legible import legible

WIDTH = 120  # where nobody looks


def lines_of(columns: Mapping[str, Sequence[Any]]) -> str:
    """Return columns of one length as lines, numbers to the right; what is long continues below."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name, values in columns.items():
        numbers = all(isinstance(value, int | float | np.number) for value in values)
        table.add_column(escape(legible(name)), justify="right" if numbers else "left")
    for row in zip(*columns.values(), strict=True):
        table.add_row(*(escape(legible(_cell(value))) for value in row))
    with console.capture() as capture:
        console.print(table)
    return capture.get().removesuffix("\n")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float | np.floating) else str(value)
