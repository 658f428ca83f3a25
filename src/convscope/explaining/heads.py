"""What a network decides, and of a prediction the score to be explained: one class against all others or another, one output, a region."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError, OptionError, UnitError
from ..expressions import Objective, Term
from ..graph.calls import Call
from ..graph.kinds import Kind
from ..graph.tensors import to_array
from ..hints import option
from ..legible import legible
from ..network.addresses import as_units
from ..network.entering import network_input
from ..network.network import Network
from ..network.targets import Target, as_targets
from ..projection.compiled import maps_of
from ..results import ClassScore, FloatArray

SCORED_AT_ONCE = 16
# Of a region so many places are explained together, spread evenly.
MOST_PLACES = 64
SOFTMAXED = "The network's output is linear. The probabilities are what a softmax makes of it."


class Decides(Enum):
    """What an output says of an image.

    `CLASSES`: one of several. `LABELS`: of each of several whether it is there. `ONE`: yes or no, by a sigmoid. `VALUE`: a number.
    `PLACES`: a class of each place.
    """

    CLASSES = "classes"
    LABELS = "labels"
    ONE = "one"
    VALUE = "value"
    PLACES = "places"


@dataclass(frozen=True)
class Head:
    """The output that is explained: its `call` and the call of its `scores`, before a softmax or a sigmoid."""

    network: Network
    decides: Decides
    call: Call
    scores: Call

    @property
    def layer(self) -> str:
        """The address of the output."""
        return self.call.address

    def name(self, channel: int) -> str:
        """Return what a channel of the output is called."""
        labels = self.network.bundle.labels
        if self.decides in (Decides.ONE, Decides.VALUE) and (labels is None or channel >= len(labels)):
            return f"{self.layer}:{channel}"
        return self.network.bundle.label(channel) if labels is None or channel < len(labels) else str(channel)

    def computed(self, images: FloatArray) -> list["Said"]:
        """Return what the output says of each image."""
        found: list[Said] = []
        calls = list(dict.fromkeys([self.call, self.scores]))
        for start in range(0, len(images), SCORED_AT_ONCE):
            entered = network_input(self.network.bundle, images[start : start + SCORED_AT_ONCE])
            values = dict(zip(calls, map(to_array, maps_of(self.network, entered, calls)), strict=True))
            found += [Said(*pair) for pair in zip(values[self.call], values[self.scores], strict=True)]
        return found

    def classes(self, said: "Said", most: int) -> tuple[ClassScore, ...]:
        """Return the likeliest classes of an image; of each place those that most places have, with their share of the places."""
        scores = said.scores
        if self.decides is Decides.PLACES:
            shares = np.bincount(scores.argmax(axis=-1).ravel(), minlength=scores.shape[-1]) / scores[..., 0].size
            order = np.argsort(-shares, kind="stable")[:most]
            largest = scores.reshape(-1, scores.shape[-1]).max(axis=0)
            return tuple(ClassScore(int(c), self.name(int(c)), float(largest[c]), float(shares[c])) for c in order if shares[c] > 0)
        chances = self._chances(said)
        order = np.argsort(-scores, kind="stable")[:most]
        return tuple(ClassScore(int(c), self.name(int(c)), float(scores[c]), None if chances is None else float(chances[c])) for c in order)

    def _chances(self, said: "Said") -> NDArray[np.floating] | None:
        if self.decides is Decides.VALUE:
            return None
        if self.decides is Decides.CLASSES and self.call.kind is not Kind.SOFTMAX:
            shifted = np.exp(said.scores.astype(np.float64) - said.scores.max())
            return np.asarray(shifted / shifted.sum())
        return said.values

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said of its numbers."""
        others = len(self.network.graph.outputs) - 1
        more = (f"The network has {others + 1} outputs. `{legible(self.layer)}`, the first, is explained.",) if others else ()
        return (*more, *((SOFTMAXED,) if self.decides is Decides.CLASSES and self.call.kind is not Kind.SOFTMAX else ()))


@dataclass(frozen=True)
class Said:
    """What an output says of one image: its `values`, and its `scores` before a softmax or a sigmoid; both (channel,) or a map of it."""

    values: FloatArray
    scores: FloatArray


@dataclass(frozen=True)
class Aim:
    """What is explained of one image: a `target`, and what to call it."""

    target: Target
    said: str


def head_of(network: Network) -> Head:
    """Return what a network decides by its first output. Raises ModelError for one that makes a picture or a sequence."""
    graph = network.graph
    call = graph.visible[graph.calls[graph.outputs[0].call].address]
    scores = graph.preactivation(call) if call.kind in (Kind.SOFTMAX, Kind.SIGMOID) else call
    channels, flat = int(call.shape[-1] or 0), len(call.shape) == 2
    if flat and channels == 1:
        return Head(network, Decides.ONE if call.kind is Kind.SIGMOID else Decides.VALUE, call, scores)
    if flat:
        return Head(network, Decides.LABELS if call.kind is Kind.SIGMOID else Decides.CLASSES, call, scores)
    if len(call.shape) == 4 and (call.kind in (Kind.SOFTMAX, Kind.SIGMOID) or call.index in graph.rivals):
        return Head(network, Decides.PLACES, call, scores)
    return Head(network, Decides.VALUE, call, scores)


def require_classes(head: Head) -> None:
    """Raise ModelError for an output that is neither classes nor one number: what to explain must be named."""
    if head.decides is Decides.VALUE and int(head.call.shape[-1] or 0) * (len(head.call.shape) - 1) != 1:
        raise ModelError(
            f"`{head.network.bundle.name}` decides nothing: its output `{legible(head.layer)}` is not classes. Name what to explain, a "
            f"unit or an expression: {option('target')} LAYER:CHANNEL."
        )


def aim_of(head: Head, said: Said, label: str | None, target: str | None, against: str | None, region: Sequence[int] | None) -> Aim:
    """Return what is explained of an image: what was named, else its prediction against the true class, or against all others.

    `label`: what the image is, None where that is not known. `region`: (top, left, bottom, right) of the output's map. Raises UnitError,
    OptionError.
    """
    if target is not None and against is None and (":" in target or "(" in target):
        return _expressed(head, target)
    require_classes(head)
    if head.decides is Decides.PLACES:
        return _placed(head, said, target, against, region)
    if region is not None:
        raise OptionError(f"A region is part of an output with rows and columns, but `{legible(head.layer)}` has none. Leave it out.")
    if head.decides in (Decides.ONE, Decides.VALUE):
        return _single(head, said, target, against)
    return _class(head, said, label, target, against)


def _expressed(head: Head, text: str) -> Aim:
    targets = as_targets(head.network, text, layers="")
    if len(targets) != 1:
        raise UnitError(f"`{text}` means {len(targets)} units. One unit, class or expression is explained at a time.")
    return Aim(targets[0], str(targets[0]))


def _channel(head: Head, name: str) -> int:
    return as_units(head.network, name if name.startswith(f"{head.layer}:") else f"{head.layer}:{name}")[0].channel


def _class(head: Head, said: Said, label: str | None, target: str | None, against: str | None) -> Aim:
    best = int(np.argmax(said.scores))
    chosen = best if target is None else _channel(head, target)
    rival = None if against is None else _channel(head, against)
    if rival is None and target is None and label is not None and head.decides is Decides.CLASSES:
        rival = _known(head, label)
        rival = None if rival == best else rival
    if rival == chosen:
        raise OptionError(f"`{head.name(chosen)}` cannot be explained against itself. Name another class.")
    name = head.name(chosen)
    if rival is not None:
        terms = (Term(1.0, head.layer, chosen), Term(-1.0, head.layer, rival))
        return Aim(Target(Objective(terms)), f"{name} against {head.name(rival)}")
    if head.decides is Decides.LABELS:  # labels do not exclude one another: the score of each is its own log odds
        return Aim(Target(Objective((Term(1.0, head.layer, chosen),))), f"{name}, there or not")
    return Aim(Target(Objective((Term(1.0, head.layer, chosen, None, True),))), f"{name} against all others")


def _known(head: Head, label: str) -> int | None:
    """Return the channel of the class that a label names, None where no class is called so."""
    names = [name.casefold() for name in head.network.bundle.labels or ()]
    return names.index(label.casefold()) if names.count(label.casefold()) == 1 else None


def _single(head: Head, said: Said, target: str | None, against: str | None) -> Aim:
    if target is not None or against is not None:
        raise OptionError(
            f"`{legible(head.layer)}` is one number, so there are no classes to name. Leave {option('target')} and {option('against')} "
            f"out, or name a unit: {option('target')} LAYER:CHANNEL."
        )
    name = head.name(0)
    unit = Term(1.0, head.layer, 0)
    if head.decides is Decides.VALUE:
        return Aim(Target(Objective((unit,))), f"the value of {name}")
    if float(said.values.ravel()[0]) >= 0.5:
        return Aim(Target(Objective((unit,))), f"{name}: yes")
    return Aim(Target(Objective((replace(unit, weight=-1.0),))), f"{name}: no")


def _placed(head: Head, said: Said, target: str | None, against: str | None, region: Sequence[int] | None) -> Aim:
    """The mean log odds of a class over the places of a region, or over all places that are taken for it."""
    best = said.scores.argmax(axis=-1)
    rows, columns = best.shape
    inside = np.zeros(best.shape, bool)
    if region is None:
        inside[:] = True
    else:
        top, left, bottom, right = region
        if not (0 <= top < bottom <= rows and 0 <= left < right <= columns):
            raise OptionError(f"The region {top},{left},{bottom},{right} is not inside the output's map of {rows} x {columns} places.")
        inside[top:bottom, left:right] = True
    counts = np.bincount(best[inside], minlength=said.scores.shape[-1])
    chosen = int(counts.argmax()) if target is None else _channel(head, target)
    rival = None if against is None else _channel(head, against)
    if rival == chosen:
        raise OptionError(f"`{head.name(chosen)}` cannot be explained against itself. Name another class.")
    wanted = inside & (best == chosen) if region is None else inside
    if not wanted.any():
        raise OptionError(f"No place of this image is taken for `{head.name(chosen)}`. Name a region, or another class.")
    places = np.argwhere(wanted)
    places = places[np.linspace(0, len(places) - 1, min(len(places), MOST_PLACES)).round().astype(int)]
    share, odds = 1.0 / len(places), rival is None and head.call.kind is not Kind.SIGMOID and said.scores.shape[-1] > 1
    terms = [Term(share, head.layer, chosen, (int(row), int(column)), odds) for row, column in places]
    if rival is not None:
        terms += [Term(-share, head.layer, rival, (int(row), int(column))) for row, column in places]
    where = "where it is seen" if region is None else "in the region {},{} to {},{}".format(*region)
    words = f"{head.name(chosen)} {where}" if rival is None else f"{head.name(chosen)} {where}, against {head.name(rival)}"
    return Aim(Target(Objective(tuple(terms))), words)
