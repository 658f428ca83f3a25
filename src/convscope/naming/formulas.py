"""Names of one label or two, chosen by beam search: AND, OR and NOT of labels as in INVERT (Bykov et al. 2023)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .areas import Floats, Half, Ranks, areas, by_chance

FEWEST = 5  # images of each half that a name must hold for, and must not hold for
BEAM = 3  # single labels of each unit that are extended by a second one
DOUBT = 2.0  # standard deviations that a choice takes off an area: a label of few images is above others by chance more often
GAIN = 0.02  # by which two labels must be better than one
AND, AND_NOT, OR = range(3)
WORDS = (" AND ", " AND NOT ", " OR ")

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Formulas:
    """A name for each of some units: label `first`, or NOT that, and for two `second` by `joined` (AND, AND NOT, OR); -1 for none.

    All (unit,). `score`: by which it was chosen, the area less two standard deviations of chance. `single`: the best label without NOT.
    """

    first: Ints
    negated: NDArray[np.bool_]
    second: Ints
    joined: Ints
    score: Floats
    single: Ints

    def words(self, unit: int, names: tuple[str, ...]) -> str:
        """Return the name of a unit as people read it: "Bag", "NOT Bag", "Bag OR Sandal"."""
        first, second, joined = int(self.first[unit]), int(self.second[unit]), int(self.joined[unit])
        if self.negated[unit]:
            if second < 0 or joined == AND_NOT:
                return f"NOT {names[first]}" + (WORDS[AND_NOT] + names[second] if second >= 0 else "")
            return names[second] + WORDS[AND_NOT] + names[first]
        if second < 0:
            return names[first]
        ordered = (first, second) if joined == AND_NOT else sorted((first, second))
        return WORDS[joined].join(names[one] for one in ordered)

    def holds(self, half: Half) -> NDArray[np.bool_]:
        """Return for which images the name of each unit holds, (image, unit)."""
        found = half.columns(self.first) ^ self.negated
        second = half.columns(np.maximum(self.second, 0))
        joined = np.stack([found & second, found & ~second, found | second])[self.joined, :, np.arange(len(self.first))].T
        return np.where(self.second >= 0, joined, found)


def tried(labels: int) -> int:
    """Return how many names are tried on a unit: each label with and without NOT, and the pairs of the beam."""
    return 2 * labels + BEAM * len(WORDS) * labels


def chosen(half: Half, ranks: Ranks, together: Floats) -> tuple[Floats, Formulas]:
    """Return the areas of all labels, (label, unit), and the name of each unit. `together`: (label, label) images that have both."""
    sums, count = half.sums(ranks.doubled), half.count
    found = areas(sums, half.counts[:, None], count)
    doubt = DOUBT * by_chance(half.counts, count)[:, None]
    scores = np.concatenate([found - doubt, 1.0 - found - doubt])
    few, units = min(BEAM, len(scores)), np.arange(scores.shape[1])
    beam = np.argsort(-scores, axis=0, kind="stable")[:few]
    best = beam[0]
    first, negated, score = best % len(found), best >= len(found), scores[best, units]
    second, joined = np.full(len(units), -1), np.zeros(len(units), np.int64)
    least = score + GAIN
    for literals in beam:
        for how, more in enumerate(_extended(half, ranks, sums, literals, together)):
            place = more.argmax(axis=0)
            better = more[place, units] >= np.maximum(least, score)
            first, negated = np.where(better, literals % len(found), first), np.where(better, literals >= len(found), negated)
            second, joined = np.where(better, place, second), np.where(better, how, joined)
            score = np.where(better, more[place, units], score)
    return found, Formulas(first, negated, second, joined, score, (found - doubt).argmax(axis=0))


def _extended(half: Half, ranks: Ranks, sums: Floats, literals: Ints, together: Floats) -> Iterator[Floats]:
    """Yield the scores of a literal of each unit joined with every label, (label, unit), by AND, by AND NOT and by OR; -1 for few images.

    The ranks of the images that both hold for are the product once more, of masked ranks. All else follows from that by inclusion and
    exclusion.
    """
    labels, negated = literals % len(half.counts), literals >= len(half.counts)
    masked = np.where(half.columns(labels) ^ negated, ranks.doubled, 0.0)
    both, own = half.sums(masked), masked.sum(axis=0)
    shared, size = together[labels].T, half.counts[labels]
    shared, size = np.where(negated, half.counts[:, None] - shared, shared), np.where(negated, half.count - size, size)
    yield _scores(half, both, shared)
    yield _scores(half, own - both, size - shared)
    either = _scores(half, own + sums - both, size + half.counts[:, None] - shared)
    yield np.where(negated, -1.0, either)  # NOT a OR b holds for nearly all images


def _scores(half: Half, sums: Floats, counts: Floats) -> Floats:
    enough = np.minimum(counts, half.count - counts) >= FEWEST
    sound = np.where(enough, counts, 1.0)
    return np.where(enough, areas(sums, sound, half.count) - DOUBT * by_chance(sound, half.count), -1.0)
