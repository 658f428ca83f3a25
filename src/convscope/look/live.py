"""`open_live`: from a model, images and a run to a page that listens."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..files import OUT
from ..network.network import as_network
from ..portraits.scanned_units import scanned_network
from ..progress import working
from ..scanning import open_run
from .climbing import Climbing
from .desk import Desk
from .keeping import Keeper
from .server import Live, LiveServer
from .sight import Sight
from .synthetic import AtlasPictures


def open_live(
    model: Any = None,
    images: Sequence[str] = (),
    *,
    run: str | Path | None = None,
    atlas: str | Path | None = None,
    layers: str = "all",
    out: Path = OUT,
    port: int = 0,
    name: str | None = None,
    told: Mapping[str, Any] | None = None,
) -> LiveServer:
    """Return the live page of a network, listening on 127.0.0.1; its `run` answers until Ctrl-C, its `address` has the token.

    - `model`: a bundle, a path, a name, or None for the network of the run, else the default one. `images`: what the command line takes.
    - `run`: the folder of a scan of the same network. `atlas`: of an atlas, whose synthetic pictures are shown.
    - `layers`: a pattern. `out`: where pictures are saved. `port`: 0 for a free one.
    - `name`, `told`: how the command line named the network, for the commands that the page shows.

    Raises PageError for a port that is taken or the atlas of another network, ModelError for a run of another network, and what reading
    its inputs raises.
    """
    scanned = None if run is None else open_run(run)
    network = as_network(model) if scanned is None else scanned_network(scanned, model)
    with working("getting ready"):
        sight = Sight(network, images, layers=layers, run=scanned)
        sight.seen(sight.gallery.first)  # what is compiled is ready when the page asks
    source = name or sight.network.bundle.source
    script = out / f"look-{time.strftime('%Y-%m-%d-%H%M')}.convscope"
    keeper = Keeper(sight, out, source, told or {}, "" if run is None else str(run), script)
    pictures = None if atlas is None else AtlasPictures(Path(atlas), sight.network.bundle.digest)
    return LiveServer(Live(sight, Desk(), Climbing(sight, pictures), keeper), port)
