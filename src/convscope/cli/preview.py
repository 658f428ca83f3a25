"""A picture that grows in the terminal while it is made."""

import contextlib
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from .pictures import MANY, TRUECOLOR, Tiles, drawn

SECONDS_BETWEEN_PREVIEWS = 0.5
LINES_OF_BAR = 2


@contextlib.contextmanager
def growing(draw: Callable[[Any], Any], most_rows: int = 24) -> Iterator[Callable[[Any], None] | None]:
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
    colours = str(console.color_system) if console.color_system in (TRUECOLOR, MANY) and not console.no_color else ""
    with Live(bar, console=console, transient=True, refresh_per_second=8) as live:

        def watch(stage: Any) -> None:
            nonlocal shown
            bar.update(task, total=stage.steps, completed=stage.step)
            if colours and time.monotonic() - shown > SECONDS_BETWEEN_PREVIEWS:
                size = shutil.get_terminal_size()
                tiles = Tiles("", (), (((), draw(stage.pictures()[0])),))
                live.update(Group(Text.from_ansi(drawn(tiles, size.columns, min(size.lines - LINES_OF_BAR, most_rows), colours)), bar))
                shown = time.monotonic()

        yield watch
