"""The synthetic pictures that are checked: as `ascend` makes them, by the loss of the original report, or small and fast."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..ascent import ascend
from ..ascent.ascend import ascended, climber_of, settle
from ..ascent.climb import Climber
from ..ascent.inputs import has_one_size
from ..network.network import Network
from ..network.targets import as_targets
from ..options import check_options
from ..results import Ascent
from ..units import Unit

FAST, BEST, PAPER = "fast", "best", "paper"
SYNTHETIC = (FAST, BEST, PAPER)
# After 16 steps most pictures of VGG16 and SqueezeNet excite their units more than 98 % of the images do; after 8 many do not. More steps
# would take most of the time that a layer takes.
FAST_SIDE, FAST_STEPS, FAST_ATTEMPTS = 64, 16, 2


class Pictures:
    """What climbs for the units of one layer; its steps are compiled once."""

    def __init__(self, network: Network, layer: str, how: str, seed: int = 0) -> None:
        self._network = network
        targets = as_targets(network, f"{layer}:0")
        options: dict[str, Any] = {"seed": seed} | ({"mode": "paper"} if how == PAPER else {})
        if how == FAST:
            options |= {} if has_one_size(network, targets) else {"size": FAST_SIDE}
            usual = climber_of(network, targets, settle(check_options(ascend, options)))
            options["attempts"] = [replace(one, steps=FAST_STEPS) for one in usual.attempts(targets)[:FAST_ATTEMPTS]]
        self._climber: Climber = climber_of(network, targets, settle(check_options(ascend, options)))

    def of(self, units: Sequence[Unit]) -> Ascent:
        """Return the pictures of some units, and their scores. Ctrl-C is passed on: half a picture would be judged as a whole one."""
        record = ascended(self._climber, as_targets(self._network, list(units)), lambda stage: None)
        if record.interrupted:
            raise KeyboardInterrupt
        return record
