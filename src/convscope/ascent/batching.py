"""What climbs together: as many units of a layer, or objectives of one form, as memory has room for."""

from collections.abc import Iterable, Iterator, Sequence

from ..expressions import as_objective
from .objectives import Form, form_of
from .targets import Target

PIXELS_AT_ONCE = 16 * 128 * 128


def batches(targets: Sequence[Target], canvas: tuple[int, int], copies: int = 1) -> Iterator[list[Target]]:
    """Yield the targets in batches of one form each, such as a layer's channels, small enough for memory with all their copies."""
    most = max(1, PIXELS_AT_ONCE // (canvas[0] * canvas[1] * copies))
    for together in by_form(targets).values():
        yield from (together[start : start + most] for start in range(0, len(together), most))


def by_form(targets: Iterable[Target]) -> dict[Form, list[Target]]:
    """Return the targets by their form: those of one can climb in one compiled step."""
    found: dict[Form, list[Target]] = {}
    for target in targets:
        found.setdefault(form_of(as_objective(target)), []).append(target)
    return found
