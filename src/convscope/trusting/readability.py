"""Readability (Zimmermann et al. 2024): can a judge tell which of two new images excites a unit more, from likeness to references alone?

The judge sees images as vectors (`judge`), and nothing of the unit. It takes the image that is more like the strong references and less
like the weak ones. The measure is the share of pairs, one new strong image and one new weak one, in which it takes the strong one.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

REFERENCES, NEW = 9, 20  # images of each side, as many references as a sheet shows
FEWEST_REFERENCES, FEWEST_NEW = 2, 4

Blocks = tuple[NDArray[np.float32], ...]  # of some images, (image, feature) of each layer of the judge


class Choice(NamedTuple):
    """Which images a unit is judged by, rows of a sample: references and new ones of both sides; `tied`: see `chosen`."""

    strong: NDArray[np.int64]
    weak: NDArray[np.int64]
    new_strong: NDArray[np.int64]
    new_weak: NDArray[np.int64]
    tied: float

    @property
    def rows(self) -> NDArray[np.int64]:
        """All of them."""
        return np.concatenate([self.strong, self.weak, self.new_strong, self.new_weak])


class Accuracy(NamedTuple):
    """The `share` of pairs that are told apart, its standard error, and how many new images each side has."""

    share: float
    error: float
    new: int


UNTOLD = Accuracy(float("nan"), float("nan"), 0)


def chosen(values: NDArray[np.float32], rng: np.random.Generator) -> Choice | None:
    """Return which images of a sample judge a unit, by its values (image,); None where too few excite it more than others.

    The strongest images stand in turn among the references and the new ones, and so do the weakest. Images that share the least value,
    such as those that a ReLU holds at 0, have no order: chance decides among them, and `tied` is their share of the weak ones.
    """
    known = np.flatnonzero(np.isfinite(values))
    rising = known[np.lexsort((rng.permutation(len(known)), values[known]))]
    weak = rising[: min(REFERENCES + NEW, len(rising) // 2)]
    stronger = rising[::-1][: len(weak)]
    count = int((values[stronger] > values[weak[-1]]).sum()) if len(weak) else 0
    references = min(REFERENCES, count // 3)
    if references < FEWEST_REFERENCES or count - references < FEWEST_NEW:
        return None
    sides = []
    for side in (stronger[:count], weak[:count]):
        here = np.zeros(count, bool)
        here[np.arange(references) * (count // references)] = True
        sides.append((side[here], side[~here]))
    (strong, new_strong), (weak, new_weak) = sides
    every = values[np.concatenate([weak, new_weak])]
    tied = float((every == every.min()).mean())
    return Choice(strong, weak, new_strong, new_weak, tied if tied > 1 / len(every) else 0.0)


def readable(strong: Blocks, weak: Blocks, new_strong: Blocks, new_weak: Blocks) -> Accuracy:
    """Return how often the judge is right with references of both sides."""
    centres = [np.concatenate(pair).mean(axis=0) for pair in zip(strong, weak, strict=True)]
    references = _placed(strong, centres), _placed(weak, centres)
    scores = [
        (one @ references[0].T).mean(axis=1) - (one @ references[1].T).mean(axis=1)
        for one in (_placed(new_strong, centres), _placed(new_weak, centres))
    ]
    return accuracy(*scores)


def readable_from(picture: Blocks, others: Blocks, strong: Blocks, weak: Blocks, new_strong: Blocks, new_weak: Blocks) -> Accuracy:
    """Return how often the judge is right with one synthetic picture as its only reference.

    `others`: synthetic pictures of other units. What all of these have in common says nothing of the unit, and lies so far from photographs
    that it would decide: so the picture is seen from their middle, and images from that of the natural references.
    """
    centres = [np.concatenate(pair).mean(axis=0) for pair in zip(strong, weak, strict=True)]
    reference = _placed(picture, [block.mean(axis=0) for block in others])
    return accuracy(*((_placed(one, centres) @ reference.T).mean(axis=1) for one in (new_strong, new_weak)))


def accuracy(strong: NDArray[np.float64], weak: NDArray[np.float64]) -> Accuracy:
    """Return the share of pairs in which the strong one's score is larger, equal ones counting one half, and its standard error.

    The error is DeLong's, and at least that of half an image: with all pairs right it would be 0.
    """
    right = (strong[:, None] > weak[None]) + 0.5 * (strong[:, None] == weak[None])
    new = min(right.shape)
    variance = sum(float(right.mean(axis=axis).var(ddof=1)) / right.shape[1 - axis] for axis in (0, 1))
    return Accuracy(float(right.mean()), max(float(np.sqrt(variance)), 0.5 / new), new)


def _placed(blocks: Blocks, centres: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
    """Return images as vectors whose products are cosines around the centres, their mean over the judge's layers."""
    found = []
    for values, centre in zip(blocks, centres, strict=True):
        moved = values.astype(np.float64) - centre
        lengths = np.linalg.norm(moved, axis=1, keepdims=True)
        found.append(moved / np.where(lengths > 0, lengths, 1.0))
    return np.concatenate(found, axis=1) / np.sqrt(len(found))
