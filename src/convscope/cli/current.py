"""Which desk the program works at: that of a prompt, or none, as in the shell. It loads nothing, since every start asks."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .desk import Desk

_DESK: ContextVar["Desk | None"] = ContextVar("desk", default=None)


def current_desk() -> "Desk | None":
    """Return the desk at which the program works, None in the shell."""
    return _DESK.get()


@contextlib.contextmanager
def working_at(desk: "Desk") -> Iterator[None]:
    """Work at a desk while the `with` lasts."""
    before = _DESK.set(desk)
    try:
        yield
    finally:
        _DESK.reset(before)
