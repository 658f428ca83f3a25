"""bfloat16 only where it pays."""

import pytest

from convscope.backend import precision, resolve_precision
from convscope.errors import OptionError


@pytest.mark.parametrize("wanted", ["float32", "bfloat16"])
def test_what_is_asked_for_is_given(wanted):
    assert resolve_precision(wanted) == wanted


@pytest.mark.parametrize(
    ("backend", "native", "expected"),
    [
        ("tensorflow", True, "bfloat16"),
        ("tensorflow", False, "float32"),
        ("jax", True, "float32"),
        ("torch", True, "float32"),
    ],
)
def test_auto_takes_bfloat16_only_where_the_processor_and_the_framework_gain(monkeypatch, backend, native, expected):
    monkeypatch.setattr(precision, "choose", lambda: backend)
    monkeypatch.setattr(precision, "native_bfloat16", lambda: native)
    assert resolve_precision("auto") == expected


def test_an_unknown_precision_is_refused():
    with pytest.raises(OptionError, match="No precision `float16`. Choose one of auto, float32, bfloat16"):
        resolve_precision("float16")


@pytest.mark.parametrize(("flags", "native"), [("fpu avx512_bf16 sse", True), ("fpu amx_bf16", True), ("fpu avx512f", False)])
def test_the_processor_is_asked_for_its_flags(monkeypatch, flags, native):
    monkeypatch.setattr(precision.Path, "read_text", lambda path: f"flags : {flags}\n")
    assert precision.native_bfloat16.__wrapped__() is native


def test_where_the_processor_cannot_be_asked_the_answer_is_no(monkeypatch):
    def missing(path):
        raise FileNotFoundError(path)

    monkeypatch.setattr(precision.Path, "read_text", missing)
    assert precision.native_bfloat16.__wrapped__() is False
