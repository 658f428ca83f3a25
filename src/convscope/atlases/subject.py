"""What an atlas is of: a run, its network, the layers in their order, and the settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from .. import backend
from ..formats.atlas import CHUNK, CLASS_CHUNK, ON_A_WALL
from ..graph.connections import Activity
from ..network.addresses import unit_call
from ..network.listing import LayerInfo, chosen, layers
from ..network.network import Network
from ..options import Options
from ..portraits.connections import activity_of
from ..portraits.gathering import longest_field
from ..portraits.layers import both_ways
from ..results import Names
from ..scanning import Run, TopUnits, UnitStatistics
from ..units import Unit
from .ledger import key_of
from .plan import chunks_of, telling_order

# The strongest images that are shown of each unit, in the order of their tiles.
SHOWN = 9


@dataclass(frozen=True)
class Layer:
    """A layer of an atlas. `n`: its number in the network's listing; `order`: its channels, the most telling first.

    `window`: (height, width) of what is shown of an image, `whole`: whether that is all of it. `both`: whether projections without
    switches differ from those with. `classes`: whether its units are the network's classes. `chunk`: how many of
    them are made together.
    """

    n: int
    info: LayerInfo
    order: tuple[int, ...]
    window: tuple[int, int]
    whole: bool
    both: bool
    classes: bool
    chunk: int

    @property
    def address(self) -> str:
        """Its address."""
        return self.info.address

    @cached_property
    def chunks(self) -> list[tuple[int, ...]]:
        """Its channels, `chunk` at a time."""
        return chunks_of(self.order, self.chunk)

    @cached_property
    def sheets(self) -> list[tuple[int, ...]]:
        """Its channels as they share the sheets of a wall, those of some chunks each."""
        return chunks_of(self.order, ON_A_WALL)

    def chunks_on(self, sheet: int) -> range:
        """Return which chunks share a sheet of the wall."""
        together = ON_A_WALL // self.chunk
        return range(sheet * together, min((sheet + 1) * together, len(self.chunks)))


@dataclass(frozen=True)
class Subject:
    """A run with its network and the layers that the atlas shows, in the order in which they compute."""

    run: Run
    network: Network
    layers: tuple[Layer, ...]
    settings: Options

    @cached_property
    def by_address(self) -> dict[str, Layer]:
        """The layers by their addresses."""
        return {layer.address: layer for layer in self.layers}

    @cached_property
    def statistics(self) -> dict[str, UnitStatistics]:
        """What the run says of the units of each layer, by address, once for all parts: 8 kB a unit."""
        return {layer.address: self.run.units(layer.address) for layer in self.layers}

    @cached_property
    def tops(self) -> dict[str, TopUnits]:
        """The strongest images of the units of each layer, by address, read once for all parts."""
        return {layer.address: self.run.top(layer.address) for layer in self.layers}

    @cached_property
    def maker(self) -> list[str]:
        """What every key has of the program: its release and the backend, which may differ in the last bits."""
        return [backend.versions()["convscope"], backend.choose()]

    @cached_property
    def network_key(self) -> list[str]:
        """What every key has of the network: which one it is, and how images enter it."""
        bundle = self.network.bundle
        return [bundle.digest, bundle.preprocessing.name]

    @cached_property
    def run_key(self) -> str:
        """What stands for all tables of the run."""
        files = self.run.manifest.get("files")
        return key_of(self.run.input()["digest"], files or {}, self.run.manifest.get("precision"))

    @cached_property
    def names(self) -> Names | None:
        """What the units fire for, where the run knows; None also where it has changed since."""
        found = self.run.names
        return None if found is None or found.outdated else found

    @cached_property
    def names_key(self) -> list[str]:
        """What keys have of the names, nothing where there are none."""
        return [] if self.names is None else [key_of(self.names.source, self.names.names, self.names.auc.tolist(), self.names.p.tolist())]

    @cached_property
    def labels(self) -> tuple[str, ...] | None:
        """The names of the network's classes, None where nobody knows them."""
        return self.network.bundle.labels

    @cached_property
    def activity(self) -> Activity:
        """How active the units of a layer are in the run, by its address; see `activity_of`."""
        return activity_of(self.network, self.run)


def subject_of(
    run: Run, network: Network, patterns: str | Sequence[str], orders: Mapping[str, Sequence[int]], settings: Options
) -> Subject:
    """Return what an atlas of the run is of: the layers among those of the run that the patterns mean.

    `orders`: the channels of layers that the atlas has already, in its order. Raises UnitError.
    """
    listed = layers(network)
    known = [info for info in listed if info.address in run.layers]
    wanted = known if patterns == "all" else chosen(known, patterns, network.bundle.name)
    numbers = {info.address: number for number, info in enumerate(listed)}
    return Subject(
        run, network, tuple(_layer(run, network, numbers[info.address], info, orders.get(info.address)) for info in wanted), settings
    )


def _layer(run: Run, network: Network, number: int, info: LayerInfo, order: Sequence[int] | None) -> Layer:
    window, channels = longest_field(run, info.address), run.channels(info.address)
    # A network without its classifier ends with a map of features, whose units are not classes.
    named = len(network.bundle.labels or ()) == channels
    classes = network.graph.holds_classes(unit_call(network.graph, Unit(info.address, 0))) and (named or not run.shape(info.address))
    known = order is not None and sorted(order) == list(range(channels))
    return Layer(
        n=number,
        info=info,
        order=tuple(order) if order is not None and known else telling_order(run.units(info.address)),
        window=window,
        whole=window == tuple(run.fit.size),
        both=len(both_ways(network, info.address)) > 1,
        classes=classes,
        chunk=CLASS_CHUNK if classes else CHUNK,
    )
