"""The synthetic pictures of an atlas, for a page that need not climb for them."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from ..atlases.tiles import cut
from ..errors import PageError
from ..formats.atlas import CHUNK, data_path, read_data, read_manifest, synthetic_name
from ..render.pixels import Bytes


class AtlasPictures:
    """The synthetic pictures in the folder of an atlas, made of the network with this `digest`. Raises PageError for another network."""

    def __init__(self, folder: Path, digest: str) -> None:
        self.folder, found = folder, read_manifest(folder)
        if str(found["model"]["digest"]) != digest:
            raise PageError(f"`{folder}` is the atlas of another network: its weights differ. Name the atlas of this one, or leave it out.")
        self._orders = {str(one["address"]): [int(channel) for channel in one["order"]] for one in found["layers"]}

    @cached_property
    def _layers(self) -> Mapping[str, Mapping[str, Any]]:
        return {str(one["address"]): one for one in read_data(self.folder, "start")["layers"]}

    def picture(self, layer: str, channel: int) -> Bytes | None:
        """Return a unit's picture, (height, width, 3), None where the atlas has none of it. Raises PageError for a damaged atlas."""
        known, order = self._layers.get(layer), self._orders.get(layer, [])
        if known is None or channel not in order or not known["synthetic"]:
            return None
        chunk, place = divmod(order.index(channel), int(known.get("chunk", CHUNK)))  # older atlases do not say
        if known["pictured"][chunk : chunk + 1] != "1":
            return None
        path = self.folder / data_path(synthetic_name(int(known["n"]), chunk), "webp")
        try:
            return cut(path.read_bytes(), int(known["size"]), [place], 3)[0]
        except (OSError, ValueError, IndexError) as error:
            raise PageError(f"`{path}` is missing or damaged. Make the atlas again: the same command makes what is missing.") from error
