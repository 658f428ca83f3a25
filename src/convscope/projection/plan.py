"""The plan of a projection: on the whole image, or on the part of it that a unit depends on.

Three ways lead to the same numbers (T11), and the cheapest one is taken:

- *whole*: forward and backward on the image as it is. Always right; dear for a unit that sees 40 pixels of 224.
- *cones* (`locality.cones`): a small network that computes one unit from the windows it depends on. After a forward pass of the image,
  which also tells where units are strongest, a cone takes what the way down reads from that pass and computes nothing forward.
- *crops* (`locality.crops`): the network itself on the part of the image around the receptive field, where there are no cones.
"""

from collections.abc import Sequence
from typing import NamedTuple

from ..graph.calls import Call
from ..graph.rules import Exact, Ruleset
from ..locality.cones import MAX_SHARE, MAX_SHARE_AFTER_FORWARD, Border, Cones, ConeWindow, cones_of
from ..locality.cost import is_heavy
from ..locality.crops import Crop, Crops, crops_of
from ..locality.receptive import receptive_field, receptive_fields
from ..locality.windows import Field
from ..network.network import Network


class Plan(NamedTuple):
    """How units of one `call` are projected under `rules` on images of one `size` (height, width): on `parts`, or whole where None.

    `forward`: the whole image runs forward in any case. `heavy`: the network computes so much that compiling pays at once. `unread`: no
    pixel is read, see `is_steady`.
    """

    network: Network
    call: Call
    size: tuple[int, int]
    rules: Ruleset
    forward: bool
    heavy: bool
    parts: Cones | Crops | None
    unread: bool = False

    def part(self, position: tuple[int, int] | None) -> Crop | None:
        """Return the part for a unit at a position, None where only the whole image is exact."""
        return None if self.parts is None or position is None else self.parts.at(position)

    def read(self) -> list[ConeWindow] | None:
        """Return what the way down takes from the forward pass of the whole image, None where it computes its values itself.

        A crop's maps are those of the image only where the unit's cone lies, so it computes all of them.
        """
        return self.parts.read(self.rules) if self.forward and isinstance(self.parts, Cones) else None

    def idle(self) -> dict[int, tuple[int, ...]]:
        """Return the shapes of what a cone need not compute forward, because its unit's value and all that the way down reads are known."""
        known = self.unread or self.read() is not None
        return self.parts.idle(self.rules) if known and isinstance(self.parts, Cones) else {}

    def serves(self, seeds: int, images: int) -> bool:
        """Say whether a forward pass of so many images is less work than a cone of its own for each of the seeds."""
        return isinstance(self.parts, Cones) and seeds * self.parts.cost > images

    @property
    def is_steady(self) -> bool:
        """Say whether cones send a signal down the same way whatever the image is."""
        return isinstance(self.parts, Cones) and self.rules.is_steady(self.network.graph.ancestors([self.call.index]))

    def border(self, position: tuple[int, int]) -> Border:
        """Return what tells the cone of the unit at a position from those of others: what it sees of the image's border."""
        assert isinstance(self.parts, Cones)
        return self.parts.border(position)

    def field(self, position: tuple[int, int] | None) -> Field:
        """Return the receptive field at a position; it may reach over the image, and is all of it where the position is None."""
        return receptive_field(self.network.graph, self.call, position, self.size)

    def fields(self, positions: Sequence[tuple[int, int] | None]) -> list[Field]:
        """Return what `field` does for each of many positions, in one way back over the graph."""
        known = [(self.call, position) for position in positions if position is not None]
        found = iter(receptive_fields(self.network.graph, known, self.size))
        return [Field(0, 0, *self.size) if position is None else next(found) for position in positions]

    def window(self, field: Field) -> Field:
        """Return the part of the image outside of which a projection from this field is zero."""
        return Field(0, 0, *self.size) if self.rules.exact is Exact.WHOLE else field.clipped(*self.size)


def plan_for(network: Network, call: Call, size: tuple[int, int], rules: Ruleset, *, forward: bool) -> Plan:
    """Return the plan for units of `call`. The network keeps which part of an image stands for the whole."""
    graph, heavy = network.graph, is_heavy(network.graph, call, size)
    # The seed of a rival class is made of all classes' scores, of which a part of the image knows one place only.
    if rules.exact is Exact.WHOLE or call.index in graph.rivals:
        return Plan(network, call, size, rules, forward, heavy, None)
    # A cone that runs forward by itself competes with the whole image both ways, and after a forward pass with the way down alone. `serves`
    # tells which of the two is less. For a light network a large cone is not worth its many calls.
    most = MAX_SHARE_AFTER_FORWARD if heavy else MAX_SHARE
    key = call.index, size, most if rules.exact is Exact.CONE else 0.0
    if key not in network.parts:
        network.parts[key] = cones_of(graph, call, size, key[-1]) or crops_of(graph, call, size)
    return Plan(network, call, size, rules, forward, heavy, network.parts[key])
