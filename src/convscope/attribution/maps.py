"""Each method by its name: from scores and images to maps, on the part of the image that a score depends on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..graph.rules import GRADIENT, GUIDED, Ruleset
from ..locality.windows import Field
from ..network.network import Network
from ..projection.plan import plan_for
from .baselines import BASELINES
from .cams import CAMS, cam_layer, stretched
from .gradients import Slope, at_layer, scored, slopes
from .occlusion import occluded, patches_over
from .paths import Slopes, integrated, smoothed, times_image
from .scores import Placed

FloatArray = NDArray[np.float32]
BLACK, GREY = "black", "grey"


class Mapped(NamedTuple):
    """The map of one score on one image: a `signal` (height, width, channel) on a `window`; outside of it the map is zero.

    `seen`: the receptive field of the score, which may reach over the image. `details`: what was settled for it, by name.
    """

    score: float
    window: Field
    signal: FloatArray
    seen: Field
    details: dict[str, Any]


@dataclass(frozen=True)
class Settings:
    """What the methods may be told: `layer` by its address (class activation maps), the name of a `baseline` (integrated, occlusion).

    `samples`, `noise` and `seed` are of smooth, `points` (the most) of integrated, `patch` and `stride` of occlusion. `tick` hears which
    share of a map is done.
    """

    network: Network
    layer: str | None = None
    baseline: str | None = None
    samples: int = 50
    noise: float = 0.15
    points: int = 256
    patch: int | None = None
    stride: int | None = None
    seed: int = 0
    tick: Callable[[float], None] = field(default=lambda share: None)

    def base(self, image: FloatArray, default: str) -> FloatArray:
        """Return the baseline of an image."""
        return BASELINES[self.baseline or default](image)

    def entering(self, image: FloatArray) -> FloatArray:
        """Return an image (height, width, channel) as it enters the network, in RGB order: on the scale of slopes."""
        recipe = self.network.bundle.preprocessing
        return np.asarray(recipe.to_rgb(recipe.apply(image[None]))[0], np.float32)

    def seen(self, one: Placed, size: tuple[int, int]) -> Field:
        """Return the receptive field of a score at its place; of an expression the whole image."""
        seed = one.seed
        if seed is None or not isinstance(seed.position, tuple):
            return Field(0, 0, *size)
        return plan_for(self.network, one.score.calls[0], size, GRADIENT, forward=False).field(seed.position)

    def slopes(self, one: Placed) -> Slopes:
        """Return what gives the slopes of one score on many images."""
        return lambda images: slopes(self.network, [one] * len(images), images)


Row = tuple[FloatArray, Placed]


def mapped(settings: Settings, method: str, images: FloatArray, placed: Sequence[Sequence[Placed]]) -> list[list[Mapped]]:
    """Return (image, score) the maps of one method; `placed`: (image, score) the scores at their places on the images."""
    rows: list[Row] = [(image, one) for image, ones in zip(images, placed, strict=True) for one in ones]
    found = iter(METHODS[method](settings, rows))
    return [[next(found) for _ in ones] for ones in placed]


def _slope(rules: Ruleset) -> Callable[[Settings, Sequence[Row]], list[Mapped]]:
    def made(settings: Settings, rows: Sequence[Row]) -> list[Mapped]:
        found = slopes(settings.network, [one for _, one in rows], np.stack([image for image, _ in rows]), rules)
        return [_mapped(settings, row, slope) for row, slope in zip(rows, found, strict=True)]

    return made


def _mapped(settings: Settings, row: Row, slope: Slope, signal: FloatArray | None = None, **details: Any) -> Mapped:
    image, one = row
    seen = settings.seen(one, (image.shape[0], image.shape[1]))
    return Mapped(slope.score, slope.window, slope.signal if signal is None else signal, seen, details)


def _input(settings: Settings, rows: Sequence[Row]) -> list[Mapped]:
    """The image as a change from black: what enters the network, less what black would."""
    found = slopes(settings.network, [one for _, one in rows], np.stack([image for image, _ in rows]))
    moved = [settings.entering(image) - settings.entering(np.zeros_like(image)) for image, _ in rows]
    return [_mapped(settings, row, slope, times_image(slope, move)) for row, slope, move in zip(rows, found, moved, strict=True)]


def _integrated(settings: Settings, rows: Sequence[Row]) -> list[Mapped]:
    found = []
    for row in rows:
        image, one = row
        sums = integrated(settings.slopes(one), image, settings.base(image, BLACK), settings.entering, settings.points)
        slope = Slope(sums.score, sums.window, sums.signal)
        found.append(_mapped(settings, row, slope, steps=sums.steps, difference=sums.difference, error=sums.error))
        settings.tick(1)
    return found


def _smooth(settings: Settings, rows: Sequence[Row]) -> list[Mapped]:
    plain, found = _slope(GRADIENT)(settings, rows), []
    for (image, one), first in zip(rows, plain, strict=True):
        # The same noise for every image: how many others there are must not change a map.
        rng = np.random.default_rng(settings.seed)
        found.append(first._replace(signal=smoothed(settings.slopes(one), image, settings.samples, settings.noise, rng).signal))
        settings.tick(1)
    return found


def _cam(method: str) -> Callable[[Settings, Sequence[Row]], list[Mapped]]:
    def made(settings: Settings, rows: Sequence[Row]) -> list[Mapped]:
        size = rows[0][0].shape[:2]
        layers = {one.score: cam_layer(settings.network.graph, one.score, settings.layer, (size[0], size[1])) for _, one in rows}
        found: dict[int, Mapped] = {}
        for layer in dict.fromkeys(layers.values()):
            same = [number for number, (_, one) in enumerate(rows) if layers[one.score] is layer]
            values = at_layer(settings.network, [rows[number][1] for number in same], np.stack([rows[number][0] for number in same]), layer)
            for number, at in zip(same, values, strict=True):
                seen = settings.seen(rows[number][1], (size[0], size[1]))
                window = seen.clipped(size[0], size[1])
                small = CAMS[method](at.maps, at.slopes)
                # Beyond the receptive field nothing can matter, however a weighed map looks there.
                signal = stretched(small, (size[0], size[1]))[window.top : window.bottom, window.left : window.right, None]
                found[number] = Mapped(at.score, window, signal, seen, {"layer": layer.address, "map": list(small.shape)})
        return [found[number] for number in range(len(rows))]

    return made


def _occlusion(settings: Settings, rows: Sequence[Row]) -> list[Mapped]:
    found = []
    for image, one in rows:
        size = image.shape[0], image.shape[1]
        seen = settings.seen(one, size)
        patches = patches_over(seen.clipped(*size), settings.patch, settings.stride)

        def score(images: FloatArray, one: Placed = one) -> FloatArray:
            return scored(settings.network, one, images)

        drops = occluded(score, image, settings.base(image, GREY), patches, settings.tick)
        whole = float(score(image[None])[0])
        found.append(Mapped(whole, patches.field, drops[..., None], seen, {"patch": list(patches.size), "stride": list(patches.step)}))
    return found


METHODS: dict[str, Callable[[Settings, Sequence[Row]], list[Mapped]]] = {
    "gradient": _slope(GRADIENT),
    "guided": _slope(GUIDED),
    "input": _input,
    "integrated": _integrated,
    "smooth": _smooth,
    **{method: _cam(method) for method in CAMS},
    "occlusion": _occlusion,
}
