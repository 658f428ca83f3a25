"""A synthetic picture that grows before the eyes: the gradient ascent of the command line, told step by step."""

import io
from collections.abc import Iterator
from typing import Any

from ..ascent import ascend
from ..ascent.ascend import climber_of, record_of, settle
from ..ascent.climb import Climber
from ..ascent.inputs import canvas_of
from ..ascent.run import Stage
from ..network.targets import as_targets
from ..options import check_options
from ..render.pixels import plain_picture
from ..results import FloatArray
from ..results.record import plain
from .colouring import encoded, png
from .sight import Sight
from .synthetic import AtlasPictures
from .turns import Turns

# A picture is sent after so many steps.
EVERY = 2


class Climbing:
    """Climbs for units of one network with the defaults of `convscope.ascend`; what is compiled for a layer is kept for its next unit.

    `atlas`: where pictures are that need not be made.
    """

    def __init__(self, sight: Sight, atlas: AtlasPictures | None = None) -> None:
        self.sight, self.atlas = sight, atlas
        self._climber: Climber | None = None

    def made(self, address: str) -> dict[str, Any]:
        """Return a unit's picture in the atlas, None where there is none."""
        layer, unit = self.sight.unit(address)
        found = None if self.atlas is None else self.atlas.picture(layer.address, unit.channel)
        return {"picture": None if found is None else png(found)}

    def steps(self, address: str) -> Iterator[dict[str, Any]]:
        """Yield how a unit's picture grows, and at last its score as `convscope.ascend` reports it."""
        _, unit = self.sight.unit(address)
        if self._climber is None:
            self._climber = climber_of(self.sight.network, as_targets(self.sight.network, str(unit)), settle(check_options(ascend, {})))
        climber, targets = self._climber, as_targets(self.sight.network, str(unit))
        canvas = canvas_of(self.sight.network, targets, None)

        def climb(watch: Any) -> Any:
            return climber.climb(targets, canvas, watch)

        turns = Turns(climb)
        for stage in turns:
            yield _shown(stage)
        found = record_of(climber, targets, turns.result)
        yield {
            "done": True,
            "score": plain(found.scores[0]),
            "dead": bool(found.dead[0]),
            "picture": png(plain_picture(found.images[0])),
            "notes": list(found.notes),
        }


def _shown(stage: Stage) -> dict[str, Any]:
    seen = stage.step % EVERY == 0 or stage.last
    return {"step": stage.step, "steps": stage.steps} | ({"picture": quick(stage.pictures()[0])} if seen else {})


def quick(pixels: FloatArray) -> str:
    """Return an image (height, width, channel) in [0, 1] as an address that holds it, small and not quite exact."""
    file = io.BytesIO()
    plain_picture(pixels).save(file, "WEBP", quality=85, method=0)
    return encoded("webp", file.getvalue())
