"""A small picture in the terminal: two pixels a character, in 24-bit colours."""

import contextlib
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

SECONDS_BETWEEN_PREVIEWS = 0.5
HALF_BLOCK = "\N{UPPER HALF BLOCK}"


def preview(picture: Any, most_rows: int = 24) -> str:
    """Return a PIL image as lines of coloured half blocks, at most `most_rows` high and as wide as the terminal."""
    columns = min(shutil.get_terminal_size().columns - 1, 120)
    scale = min(columns / picture.width, 2 * most_rows / picture.height, 1.0)
    width, height = max(1, round(picture.width * scale)), max(2, round(picture.height * scale) // 2 * 2)
    small = picture.convert("RGB").resize((width, height))
    pixels = small.load()
    lines = []
    for row in range(0, height, 2):
        cells = []
        for column in range(width):
            above, below = pixels[column, row], pixels[column, row + 1]
            cells.append("\x1b[38;2;{};{};{};48;2;{};{};{}m".format(*above, *below) + HALF_BLOCK)
        lines.append("".join(cells) + "\x1b[0m")
    return "\n".join(lines)


@contextlib.contextmanager
def growing(draw: Callable[[Any], Any], most_rows: int = 16) -> Iterator[Callable[[Any], None] | None]:
    """Yield what shows a picture in the terminal while it is made, above the steps; None where nobody watches. It vanishes at the end.

    What is yielded takes a stage: `step` of `steps`, and `pictures()`, of which the first is shown as `draw` makes it a PIL image.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console, Group
    from rich.live import Live
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.text import Text

    bar = Progress(TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    task, shown = bar.add_task("ascending", total=None), 0.0
    console = Console(stderr=True)
    drawable = console.color_system in ("truecolor", "256")  # sixteen colours make mud of a picture
    with Live(bar, console=console, transient=True, refresh_per_second=8) as live:

        def watch(stage: Any) -> None:
            nonlocal shown
            bar.update(task, total=stage.steps, completed=stage.step)
            if drawable and time.monotonic() - shown > SECONDS_BETWEEN_PREVIEWS:
                live.update(Group(Text.from_ansi(preview(draw(stage.pictures()[0]), most_rows)), bar))
                shown = time.monotonic()

        yield watch
