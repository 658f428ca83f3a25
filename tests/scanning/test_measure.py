"""Measures of a user's own: columns beside convscope's numbers, and other numbers altogether; however the work is done."""

from functools import partial

import arithmetic
import numpy as np
import outside
import pytest

import convscope
from convscope.errors import OptionError
from convscope.images import as_batch
from convscope.scanning.measure import MeasuredLayer, check_measure

COUNT = 530
IMAGES = f"sample:fashion[0-{COUNT - 1}]"
ASKED = {"layers": "dense1", "top": 4, "precision": "float32"}


@pytest.fixture(scope="module")
def pixels():
    return as_batch(IMAGES, outside.Ink.fit).pixels


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return convscope.scan("fashion", IMAGES, out=tmp_path_factory.mktemp("plain") / "run", **ASKED)


@pytest.fixture(scope="module")
def columned(tmp_path_factory):
    return convscope.scan("fashion", IMAGES, out=tmp_path_factory.mktemp("columned") / "run", measure=outside.Brightness, **ASKED)


@pytest.fixture(scope="module")
def inked(tmp_path_factory):
    return convscope.scan("fashion", IMAGES, out=tmp_path_factory.mktemp("inked") / "run", measure=outside.Ink, **ASKED)


def test_columns_stand_beside_the_numbers_of_a_plain_run(plain, columned, pixels):
    numbers = convscope.open_run(columned.path).images.numbers
    assert np.array_equal(numbers["brightness"], pixels.mean(axis=(1, 2, 3)))
    assert np.array_equal(numbers["white"], (pixels > 0.9).sum(axis=(1, 2, 3)))
    for name in ("units.parquet", "top.parquet", "spans.parquet", "features.npy"):
        assert (plain.path / name).read_bytes() == (columned.path / name).read_bytes(), name
    assert "measure" not in plain.manifest
    assert columned.manifest["measure"] == {
        "class": "outside.Brightness",
        "columns": {"brightness": "<f4", "white": "<i8"},
        "settings": {},
        "maxima": True,
    }
    assert convscope.top(columned, "dense1:3").patches[0].unit.channel == 3


@pytest.mark.parametrize("measure", [outside.Brightness, outside.Ink])
def test_a_run_of_a_users_measure_is_the_same_from_any_engine_and_after_an_interrupt(measure, columned, inked, tmp_path):
    expected = arithmetic.result((columned if measure is outside.Brightness else inked).path)
    convscope.scan("fashion", IMAGES, out=tmp_path / "elsewhere", measure=measure, engine=outside.Elsewhere(3), **ASKED)
    assert arithmetic.result(tmp_path / "elsewhere") == expected
    stopped = arithmetic.Stopping(1)
    assert not convscope.scan("fashion", IMAGES, out=tmp_path / "stopped", measure=measure, engine=stopped, **ASKED).complete
    convscope.scan("fashion", IMAGES, out=tmp_path / "stopped", measure=measure, **ASKED)
    assert arithmetic.result(tmp_path / "stopped") == expected


def test_a_measure_without_the_network_is_that_of_brute_force(inked, pixels):
    light = pixels[..., 0].reshape(-1, 2, 14, 2, 14).mean(axis=(2, 4)).reshape(COUNT, 4)
    assert inked.layers == ("quarters",) and inked.channels("quarters") == 4
    for unit in range(4):
        expected = np.argsort(-light[:, unit], kind="stable")[:4]
        assert inked.top("quarters").images[unit].tolist() == expected.tolist()
        assert np.array_equal(inked.top("quarters").values[unit], light[expected, unit])
    assert np.allclose(inked.units("quarters").mean, light.mean(axis=0), atol=1e-6)
    assert np.array_equal(inked.features[:, 0], light.reshape(-1, 2, 2).sum(axis=(1, 2)))


def test_pictures_of_maxima_are_not_made_of_other_values(inked):
    with pytest.raises(OptionError, match="holds the values of the measure outside.Ink"):
        convscope.top(inked, "quarters:0")
    with pytest.raises(OptionError, match="holds the values of the measure outside.Ink"):
        convscope.dossier(inked, "quarters:0")


@pytest.mark.parametrize("other", [None, outside.Brightness, partial(outside.Ink, power=2.0)], ids=["own", "another", "other settings"])
def test_another_measure_does_not_go_on_with_a_run(inked, other):
    asked = ASKED | {"layers": ["dense1"]}
    with pytest.raises(OptionError, match="scanned with another (measure|picture size|image size)"):
        convscope.scan("fashion", IMAGES, out=inked.path, measure=other, **asked)


def test_numbers_of_another_shape_are_one_sentence(tmp_path):
    with pytest.raises(
        OptionError, match=r"measure Cut returned arrays of the shapes .*'values': \(16, 3\).* Expected .*'values': \(16, 4\)"
    ):
        convscope.scan("fashion", "sample:fashion[0-3]", out=tmp_path / "run", measure=outside.Cut, **ASKED)


def test_what_makes_no_measure_is_one_sentence(tmp_path):
    asked = {"images": "sample:fashion[0-3]", "out": tmp_path / "run", **ASKED}
    for made in (3, outside.Ink(None, (), "float32")):
        with pytest.raises(OptionError, match="as measure. Expected a class, or a function of network, layers and precision"):
            convscope.scan("fashion", measure=made, **asked)
    with pytest.raises(OptionError, match="measure object has no after, batch, .* inherits from convscope.scanning.Measure"):
        convscope.scan("fashion", measure=lambda network, layers, precision: object(), **asked)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"layers": ()}, "layers of the measure Ink begin at"),
        ({"layers": (MeasuredLayer("a", 2, (), 0), MeasuredLayer("b", 2, (), 3))}, r"begin at \[0, 3\]"),
        ({"features": 0}, "has 0 features"),
        ({"columns": {"digest": "int64"}}, "`digest` cannot be a column"),
        ({"columns": {"Große": "int64"}}, "cannot be a column"),
        ({"columns": {"size": "object"}}, "Expected a kind of number"),
        ({"columns": {"size": "no kind"}}, "Expected a kind of number"),
    ],
)
def test_a_measure_that_no_run_can_hold_is_refused(changed, said):
    measure = outside.Ink(None, (), "float32")
    for name, value in changed.items():
        setattr(measure, name, value)
    with pytest.raises(OptionError, match=said):
        check_measure(measure)
