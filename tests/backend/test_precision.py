"""bfloat16 only where it pays: measured once, and remembered."""

import json

import pytest

from convscope.backend import precision, resolve_precision
from convscope.errors import OptionError

FASTER, SLOWER, TIED = ({"float32": 1.0, "bfloat16": seconds} for seconds in (0.5, 2.0, 0.9))


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize("wanted", ["float32", "bfloat16"])
def test_what_is_asked_for_is_given(wanted):
    assert resolve_precision(wanted) == wanted


@pytest.mark.parametrize(
    ("native", "seconds", "expected"),
    [(True, FASTER, "bfloat16"), (True, SLOWER, "float32"), (True, TIED, "float32"), (False, FASTER, "float32")],
)
def test_auto_takes_bfloat16_only_where_it_is_native_and_measured_to_be_faster(monkeypatch, native, seconds, expected):
    monkeypatch.setattr(precision, "device_name", lambda: "cpu")
    monkeypatch.setattr(precision, "native_bfloat16", lambda: native)
    monkeypatch.setattr(precision, "measured", lambda: seconds)
    assert resolve_precision("auto") == expected


def test_on_a_gpu_the_processor_does_not_matter(monkeypatch):
    monkeypatch.setattr(precision, "device_name", lambda: "gpu")
    monkeypatch.setattr(precision, "native_bfloat16", lambda: False)
    monkeypatch.setattr(precision, "measured", lambda: FASTER)
    assert resolve_precision("auto") == "bfloat16"


def test_what_was_measured_is_remembered_for_each_machine():
    assert precision.remembered("one", lambda: FASTER) == "bfloat16"
    assert precision.remembered("two", lambda: SLOWER) == "float32"
    assert precision.remembered("one", lambda: pytest.fail("measured twice")) == "bfloat16"
    assert precision.remembered("two", lambda: pytest.fail("measured twice")) == "float32"


@pytest.mark.parametrize("damaged", ["{", "[]", '{"one": {"float32": "fast"}}', '{"one": 3}'])
def test_a_damaged_memory_is_measured_anew_and_mended(damaged):
    path = precision.cache_folder() / "precision.json"
    path.parent.mkdir(parents=True)
    path.write_text(damaged)
    assert precision.remembered("one", lambda: FASTER) == "bfloat16"
    assert json.loads(path.read_text())["one"] == FASTER


def test_where_nothing_can_be_remembered_it_is_measured(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert precision.remembered("one", lambda: FASTER) == "bfloat16"


def test_a_measurement_times_both_precisions():
    seconds = precision.measured()
    assert set(seconds) == {"float32", "bfloat16"}
    assert all(0 < one < 60 for one in seconds.values())


def test_an_unknown_precision_is_refused():
    with pytest.raises(OptionError, match="No precision `float16`. Choose one of auto, float32, bfloat16"):
        resolve_precision("float16")


@pytest.mark.parametrize(("flags", "native"), [("fpu avx512_bf16 sse", True), ("fpu amx_bf16", True), ("fpu avx512f", False)])
def test_the_processor_is_asked_for_its_flags(monkeypatch, flags, native):
    monkeypatch.setattr(precision.Path, "read_text", lambda path: f"flags : {flags}\n")
    assert precision.native_bfloat16.__wrapped__() is native


def test_where_the_processor_cannot_be_asked_the_answer_is_no_and_its_name_is_that_of_its_kind(monkeypatch):
    def missing(path):
        raise FileNotFoundError(path)

    monkeypatch.setattr(precision.Path, "read_text", missing)
    assert precision.native_bfloat16.__wrapped__() is False
    assert precision.processor()
