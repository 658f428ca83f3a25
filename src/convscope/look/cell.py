"""The live page below a notebook's cell, and for any Python program: it answers from a thread of its own."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import OptionError
from ..files import OUT
from ..legible import told
from ..models import ModelBundle
from ..models.sources import as_bundle
from ..notebook import live_frame
from ..scanning import Run
from . import MISSING

if TYPE_CHECKING:
    from .server import LiveServer


class LivePage:
    """A live page that answers until `stop`, or until the program ends. `address`: where, on this machine alone."""

    def __init__(self, server: "LiveServer") -> None:
        self.address, self._server = server.address, server
        self._thread = threading.Thread(target=server.run, name="convscope-look", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return told(self, self.address if self._thread.is_alive() else "stopped")

    def _repr_html_(self) -> str:
        return live_frame(self.address, repr(self))

    _repr_part_ = _repr_html_

    def stop(self) -> None:
        """End it, and wait until it has ended."""
        self._server.stop()
        self._thread.join()


def live(
    model: Any = None,
    images: str | Sequence[str] = (),
    *,
    run: Run | str | Path | None = None,
    layers: str = "all",
    out: str | Path = str(OUT),
) -> LivePage:
    """Open the live page of a network: choose an image, a layer and a unit, and see at once what it computes and what excites it.

    - `model`: what `load` returns, a path or a name; None with a `run`: its network. `images`: paths and names, as for the command line.
    - `run`: a run of this network, or its folder, to show its strongest images too. `layers`: a layer pattern.
    - `out`: the folder in which the page saves pictures.

    In a notebook the page lies below the cell; its `.address` opens in a browser. It needs `pip install "convscope[look]"`. Raises
    OptionError, ModelError, ImageError, ReplayError.

    >>> page = convscope.live("fashion", "sample:fashion[0-19]")
    >>> page.stop()
    """
    try:
        from .live import open_live
    except ModuleNotFoundError as error:
        raise OptionError(MISSING) from error
    folder = run.path if isinstance(run, Run) else run
    bundle: ModelBundle | None = None if model is None and run is not None else as_bundle(model)
    named = [images] if isinstance(images, str) else list(images)
    return LivePage(open_live(bundle, named, run=folder, layers=layers, out=Path(out)))
