"""t-SNE engines as strategies behind one function.

Measured on Fashion-MNIST by `bench/tsne.py`; the order of preference is that of speed at equal KNN@10.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError, OptionError
from ..progress import track, working
from . import packages
from .affinities import affinities
from .neighbours import Neighbours

FloatArray = NDArray[np.float32]
FEWEST_FOR_TSNE = 50
FEWEST = 3
MOST_SEED = 2**32 - 1  # scikit-learn takes no larger one
MANY = 5_000  # beyond, half the neighbours give the better KNN@10, in less time
VERY_MANY = 100_000  # beyond, clusters need late exaggeration to come apart (Kobak & Berens 2019)
EARLY = 12.0
EXPLORING, STRIDE, STRIDES = 100, 100, 6
SPREAD = 1e-4
WORKS_BY = {"sklearnex": "scikit-learn-intelex", "openTSNE": "openTSNE", "sklearn": "scikit-learn"}


@dataclass(frozen=True)
class Settings:
    """`perplexity`: effective number of neighbours. `exaggeration`: of the affinities, after the early phase. `engine`: its name.

    `stop`: after how many strides to end, as by Ctrl-C; None for all.
    """

    perplexity: float
    exaggeration: float
    seed: int
    engine: str
    stop: int | None = None


@dataclass(frozen=True)
class Layout:
    """`points`: (n, 2). `engine`: what made them, with version and settings. `interrupted`: Ctrl-C ended it after its `strides`."""

    points: FloatArray
    engine: str
    interrupted: bool = False
    strides: int = 0


@dataclass(frozen=True)
class Task:
    """What an engine works on: `components` (n, dimension), the neighbours in it, and where the points start, (n, 2)."""

    components: FloatArray
    neighbours: Neighbours
    start: FloatArray
    settings: Settings


Engine = Callable[[Task], Layout]


def settle(
    count: int, *, perplexity: float | None = None, exaggeration: float | None = None, seed: int = 0, engine: str = "auto"
) -> Settings:
    """Return the settings for a map of `count` images, where None stands for what suits that number.

    Perplexity: 30, or (n - 1) / 3 of few, 15 beyond 5,000 images. Exaggeration: 1, beyond 100,000 images 2. The options of `tsne` check
    each value by itself. Raises ImageError or OptionError where a value does not suit the number of images or the engine, before anything
    is computed.
    """
    if engine != "auto" and not packages.installed(engine):
        raise OptionError(f"The t-SNE engine `{engine}` is not installed. Install it, or leave the choice to auto.")
    if count < FEWEST:
        raise ImageError(f"A map needs at least {FEWEST} images; received {count}.")
    if perplexity is not None and perplexity > (count - 1) / 3:
        raise OptionError(_perplexity_words(perplexity, count))
    name = next(one for one in ENGINES if packages.installed(one)) if engine == "auto" else engine
    exaggerates = name == "openTSNE" or (name == "sklearnex" and packages.can_descend())
    if exaggeration not in (None, 1) and not exaggerates:
        raise OptionError(f"{WORKS_BY[name]} has no late exaggeration; received {exaggeration:g}. Leave it out, or choose openTSNE.")
    usual = min(15.0 if count > MANY else 30.0, (count - 1) / 3)
    late = 2.0 if count > VERY_MANY and exaggerates else 1.0
    return Settings(perplexity or usual, exaggeration or late, seed, name)


def _perplexity_words(perplexity: float, count: int) -> str:
    most = (count - 1) // 3
    advice = f"Use 1 to {most}, or leave it out." if most else "Leave it out: with so few images convscope does not use t-SNE."
    if perplexity > MOST_SEED:
        return f"Perplexity {perplexity:g} exceeds the neighbours that {count} images have. {advice}"
    return f"Perplexity {perplexity:g} needs at least {math.ceil(3 * perplexity + 1)} images; received {count}. {advice}"


def lay_out(components: FloatArray, neighbours: Neighbours, settings: Settings) -> Layout:
    """Return 2-D coordinates for points given by their principal components (n, dimension) and their nearest neighbours.

    The map starts from the first two components, with a hundredth of noise drawn from the seed. Below 50 points t-SNE has nothing to show
    and the first two components are returned. Ctrl-C returns the map reached so far, where the engine can be asked for it: sklearnex and
    openTSNE can, scikit-learn cannot.
    """
    start = _first_two(components)
    if len(start) < FEWEST_FOR_TSNE:
        return Layout(start, f"PCA ({len(start)} images are too few for t-SNE, which needs {FEWEST_FOR_TSNE})")
    noise = np.random.default_rng(settings.seed).normal(size=start.shape) * 0.01
    start = ((start / start[:, 0].std() + noise) * SPREAD).astype(np.float32)
    return ENGINES[settings.engine](Task(components, neighbours, start, settings))


def _first_two(components: FloatArray) -> FloatArray:
    two = np.zeros((len(components), 2), dtype=np.float32)
    two[:, : components.shape[1]] = components[:, :2]
    two[:, 0] += np.where(np.ptp(two[:, 0]) > 0, 0.0, np.linspace(-1, 1, len(two))).astype(np.float32)
    return two


def _sklearnex(task: Task) -> Layout:
    """Descend by daal4py in strides, after each of which there is a map to keep; without it, by scikit-learn-intelex's own class.

    Faster than that class at equal KNN@10, because it gets the neighbours, computes in float32, and moves at a rate of n / 4 instead
    of n / 48 once the early exaggeration is over (Belkina et al. 2019: n / exaggeration), so that 700 steps do for 1,000.
    """
    settings = task.settings
    if not packages.can_descend():
        return _sklearnex_class(task)
    drawn = affinities(task.neighbours, settings.perplexity)
    late = drawn if settings.exaggeration == 1 else drawn * np.float32(settings.exaggeration)
    slow, fast = (max(50.0, len(task.start) / 4 / times) for times in (EARLY, settings.exaggeration))

    def stride(points: FloatArray, number: int) -> FloatArray:
        if number == 0:
            return packages.descend(drawn, points, EXPLORING, slow, exaggeration=EARLY)
        return packages.descend(late, points, STRIDE, fast)

    try:
        points, strides, interrupted = _strides(task.start, 1 + STRIDES, stride, settings.stop)
    except (TypeError, ValueError):  # another release of daal4py, whose function takes something else: no manual promises it
        return _sklearnex_class(task)
    return Layout(points, _described(packages.intelex_version(), settings), interrupted, strides)


def _sklearnex_class(task: Task) -> Layout:
    settings = replace(task.settings, exaggeration=1.0)  # it has no late one
    with working(f"t-SNE of {len(task.start)} images"):
        points, name = packages.sklearnex_tsne(task.components, task.start, settings.perplexity, settings.seed)
    return Layout(points, _described(name, settings))


def _opentsne(task: Task) -> Layout:
    settings = task.settings
    drawn = affinities(task.neighbours, settings.perplexity)
    # The Fourier step is slow for few points.
    embedding, name = packages.opentsne_map(drawn, task.start, fourier=len(task.start) >= packages.FOURIER)

    def stride(reached: FloatArray, number: int) -> FloatArray:
        phase = {"exaggeration": EARLY, "momentum": 0.5} if number < 5 else {"exaggeration": settings.exaggeration, "momentum": 0.8}
        del reached  # openTSNE's own array holds it, and its gains
        embedding.optimize(n_iter=50, inplace=True, learning_rate="auto", **phase)
        return np.asarray(embedding, np.float32).copy()

    points, strides, interrupted = _strides(task.start, 15, stride, settings.stop)
    return Layout(points, _described(name, settings), interrupted, strides)


def _sklearn(task: Task) -> Layout:
    settings = task.settings
    with working(f"t-SNE of {len(task.start)} images"):
        points, name = packages.sklearn_tsne(task.components, task.start, settings.perplexity, settings.seed)
    return Layout(points, _described(name, settings))


def _strides(
    points: FloatArray, count: int, stride: Callable[[FloatArray, int], FloatArray], stop: int | None
) -> tuple[FloatArray, int, bool]:
    """Return the points after `count` strides, with the remaining time shown, or after those reached at `stop` or when Ctrl-C came.

    Also how many these were, and whether they ended early.
    """
    reached = points, 0  # replaced as one, so that an interrupt finds points and number that belong together
    try:
        for number in track(range(count), f"t-SNE of {len(points):,} images"):
            if number == stop:
                break
            reached = stride(reached[0], number), number + 1
    except KeyboardInterrupt:
        if not reached[1]:
            raise
    return *reached, reached[1] < count


def _described(name: str, settings: Settings) -> str:
    late = f", exaggeration {settings.exaggeration:g}" if settings.exaggeration != 1 else ""
    return f"{name}, perplexity {settings.perplexity:g}{late}"


ENGINES: dict[str, Engine] = {"sklearnex": _sklearnex, "openTSNE": _opentsne, "sklearn": _sklearn}
