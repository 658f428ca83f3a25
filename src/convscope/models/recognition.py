"""How pictures enter a network: as it was said, else by what it does to them itself, what its BatchNorms saw, what its trunk learned."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .answers import Answer, known_photographs
from .arrivals import READINGS, Arrival, Arrivals, Opinion, are_equal, arrivals, expecting, opinion
from .families import trunk_of, whole
from .moments import Guess, guess
from .preprocessing import PREPROCESSINGS, Preprocessing, named
from .responses import Response, respond
from .tracing import operation_of

WRONG = 1.0  # nats: a recipe so far from the moments of a BatchNorm is not what it was trained with
RANGES = {
    "none": "0 to 255",
    "unit": "0 to 1",
    "symmetric": "-1 to 1",
    "caffe": "BGR less ImageNet's mean",
    "torch": "0 to 1, standardised by ImageNet's",
}


@dataclass(frozen=True)
class Choice:
    """A recipe, one sentence that says why, and the others that its author may as well have meant."""

    recipe: Preprocessing
    reason: str
    alternatives: tuple[str, ...] = ()


def choose_preprocessing(
    network: Any, shape: tuple[int | None, ...], wanted: str | None, image: str | None = None, fixed: Mapping[str, Any] | None = None
) -> Choice:
    """Return the recipe for a network: as `wanted`, else recognised, measured, or assumed. The reason names every other reading.

    `shape` and `image` are those of the input that takes the picture, `fixed` the values of the others. Raises OptionError.
    """
    channels = int(shape[-1] or 0)
    if wanted is not None:
        return Choice(named(wanted, channels), f"preprocessing {wanted}, as given")
    image = image or operation_of(network.inputs[0]).name
    fixed = fixed or {}
    ways = arrivals(network, image, fixed, shape)
    known = whole(network) if channels == 3 else None
    trunk = known or trunk_of(network, [way.layer for way in ways["unit"]])
    told = _together([opinion({name: one[place] for name, one in ways.items()}, trunk and trunk[1]) for place in range(_count(ways))])
    if known is not None and not told.computes and told.readings:
        return Choice(PREPROCESSINGS[known[1]], f"preprocessing {known[1]}, recognised by its structure ({known[0]})")
    found = None if known is not None and told.computes and told.readings else guess(network, shape, image, fixed)
    if told.computes and (len(told.readings) == 1 or (found is not None and found.is_clear)):
        return _inside(ways, told, trunk, found)
    if found is not None and found.is_clear:
        return _measured(found, trunk)
    answer = known_photographs(network, shape, image, fixed) or respond(network, shape, image, fixed)
    if answer is not None and (not told.computes or answer.name in (told.readings or READINGS)):
        return _answered(answer, trunk if told.readings else None)
    return _inside(ways, told, trunk, found) if told.computes else _assumed(found, trunk if told.readings else None, channels)


def _count(ways: Arrivals) -> int:
    """Return how many first layers there are; 0 where the recipes do not lead to the same."""
    counts = {len(one) for one in ways.values()}
    return counts.pop() if len(counts) == 1 else 0


def _together(opinions: list[Opinion]) -> Opinion:
    """Return what all ways together say: what each that computes can have been made for, else what any can."""
    saying = [one for one in opinions if one.computes] or [one for one in opinions if one.readings]
    if not saying:
        return Opinion((), False)
    common = tuple(name for name in saying[0].readings if all(name in one.readings for one in saying))
    return Opinion(common or tuple(dict.fromkeys(name for one in saying for name in one.readings)), saying[0].computes)


def _inside(ways: Arrivals, told: Opinion, trunk: tuple[str, str] | None, found: Guess | None) -> Choice:
    """Return the choice for a network that computes with its pictures before any weights."""
    name = told.readings[0] if told.readings else "none"
    if found is not None and found.is_clear and (len(told.readings) != 1 or found.distances[name] > WRONG):
        others = tuple(one for one in told.readings if one != found.recipe.name)
        doubt = f", though its first layers look made for {' or '.join(others)}{_how(others)}" if others else ""
        return Choice(found.recipe, found.said() + doubt, others)
    said = _said(ways, name)
    if len(told.readings) == 1:
        as_trained = _as_trained(ways, name, trunk) if trunk and found is None else ""
        return Choice(PREPROCESSINGS[name], f"preprocessing {name}: the network normalises inside, {said}{as_trained}")
    others = told.readings[1:] or ("unit",)
    return Choice(
        PREPROCESSINGS[name],
        f"preprocessing {name} or {' or '.join(others)}: the network computes with its images, {said}, but the reason is "
        f"unclear. convscope uses {name} ({RANGES[name]}){_how(others)}",
        others,
    )


def _as_trained(ways: Arrivals, name: str, trunk: tuple[str, str]) -> str:
    """Return whether the trunk gets the numbers that its family was trained on; the network is followed either way."""
    family, recipe = trunk
    if name in expecting({one: way[0] for one, way in ways.items()}, PREPROCESSINGS[recipe]):
        return f", as {family} expects"
    return f"; {family} itself was trained on {recipe} ({RANGES[recipe]}), but the network says otherwise"


def _said(ways: Arrivals, name: str) -> str:
    first = _first_that_computes(ways, name)
    if are_equal({reading: ways[reading][ways[name].index(first)] for reading in READINGS}):
        return "every image is standardised by itself, so its range does not matter"
    before = {"none": "0 to 255", "unit": "0 to 1"}.get(name, "-1 to 1")
    low, high = first.ends()
    return f"{before} becomes {low:.4g} to {high:.4g} there"


def _first_that_computes(ways: Arrivals, name: str) -> Arrival:
    return next((one for one in ways[name] if not one.is_as(PREPROCESSINGS[name])), ways[name][0])


def _how(others: tuple[str, ...]) -> str:
    """Return how the other readings are chosen."""
    return "; " + ", ".join(f"for images in {RANGES[name]}: --preprocess {name}" for name in others)


def _habits(name: str) -> tuple[str, ...]:
    """Return what authors feed a trunk that was trained on the recipe `name`, when they do not feed it that."""
    return tuple(one for one in ("unit", "none", "symmetric") if one != name)


def _measured(found: Guess, trunk: tuple[str, str] | None) -> Choice:
    """Return the recipe that the BatchNorms tell; those of a trunk that was never trained on tell only how the trunk was trained."""
    if trunk is None or found.recipe.name != trunk[1]:
        return Choice(found.recipe, found.said())
    others = _habits(found.recipe.name)
    return Choice(found.recipe, f"{found.said()}; a frozen {trunk[0]} would give the same result{_how(others)}", others)


def _answered(answer: Answer | Response, trunk: tuple[str, str] | None) -> Choice:
    """Return the recipe that a classifier's answers or scores tell."""
    own = (trunk[1],) if trunk is not None and trunk[1] != answer.name else ()
    others = tuple(dict.fromkeys((*own, *answer.others)))
    return Choice(PREPROCESSINGS[answer.name], answer.said() + (_how(others) if others else ""), others)


def _assumed(found: Guess | None, trunk: tuple[str, str] | None, channels: int) -> Choice:
    if trunk is not None:
        family, name = trunk
        others = _habits(name)
        why = f"its trunk is that of {family}, but its author may have used another recipe. convscope uses {name}{_how(others)}"
        return Choice(PREPROCESSINGS[name], f"preprocessing {' or '.join((name, *others))}: {why}", others)
    unsure = "" if found is None else f" ({found.recipe.name} fits its BatchNorm layers best, but not clearly)"
    others = ("none", "symmetric", *(("caffe",) if channels == 3 else ()))
    return Choice(PREPROCESSINGS["unit"], f"preprocessing unit ([0, 1]) assumed: the network does not say{unsure}{_how(others)}", others)
