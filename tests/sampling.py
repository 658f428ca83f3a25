"""Which cases of a long list every run of the tests tries; `make check-all` tries them all."""

import pytest


def sampled(cases, every):
    """Return the cases as parameters: the first of each `every` as they are, the others marked `long`."""
    return [case if place % every == 0 else pytest.param(case, marks=pytest.mark.long) for place, case in enumerate(cases)]


def all_but(short, cases, *, once=False):
    """Return the cases as parameters: those in `short` as they are, the others marked `long`; a tuple is several parameters.

    `once`: the others show nothing of a framework, so they run on the first backend alone.
    """
    marks = [pytest.mark.long, *([pytest.mark.once] if once else [])]
    return [case if case in short else pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=marks) for case in cases]
