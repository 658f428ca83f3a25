"""The sheet of trust: a block for each unit, or one for many; curves with gaps, and words that deserve their colour."""

import numpy as np
import pytest

from convscope.render.curves import Curves
from convscope.render.theme import DARK, LIGHT
from convscope.render.trust import draw, lines, path_curves, random_curves
from convscope.results import Provenance, Trust, UnitTrust
from convscope.results.trust import CURVES, NUMBERS
from convscope.units import Unit

pytestmark = pytest.mark.once
LAYERS = ("first", "second", "third")
NAN = float("nan")


def unit(channel, *, places=3.0, layer="third"):
    numbers = dict.fromkeys(NUMBERS, NAN) | {"images": 9.0, "places": places, "path": 0.05, "natural": 0.9, "natural_error": 0.04}
    numbers |= {"percentile": 100.0, "border": 0.5, "border_even": 0.5, "rank_switches": 0.8, "floor_switches": 0.1, "like_switches": 0.6}
    curves = {name: np.full(3, NAN, np.float32) for name in CURVES}
    curves |= {
        "paths": np.float32([1, NAN, NAN]),
        "path_synthetic": np.float32([0.5, 0.4, NAN]),
        "ranks_switches": np.float32([0.8, 0.9, 1]),
    }
    return UnitTrust(unit=Unit(layer, channel), layers=LAYERS, numbers=numbers, curves=curves, synthetic="best", effort="unit")


def result(units):
    source = Provenance("trust", {"name": "net"}, (), {}, 0, {}, {})
    return Trust(provenance=source, units=tuple(units), images=100, dataset="photos", notes=("A note.",))


def words(sheet):
    return [one.text for one in sheet.words]


def test_a_unit_has_its_numbers_with_what_they_are_compared_with_and_their_words():
    sheet = draw(result([unit(3)]))["trust.png"]
    said = words(sheet)
    assert said[0] == "Trust: third:3"
    for name, value, word in (("Path check", "0.05", "contradicted"), ("Random weights: deconvnet", "0.80", "contradicted")):
        here = said.index(name)
        assert value in said[here : here + 3] and word in said[here : here + 5]
    assert "0.90 \N{PLUS-MINUS SIGN} 0.04" in said and "chance 0.50" in said
    assert any(one.startswith("Readability: How often a judge") for one in sheet.notes)
    fills = {one.colour for one in draw(result([unit(3)]), theme="dark")["trust.png"].marks() if hasattr(one, "colour")}
    assert {DARK.accent, DARK.warning, DARK.page} <= fills and LIGHT.page not in fills


def test_many_units_are_one_block_of_medians_and_hostile_names_stay_text():
    many = result([unit(channel, places=0.0 if channel > 7 else 3.0, layer="<b>third\u202e") for channel in range(20)])
    sheet = draw(many)["trust.png"]
    assert "20 units" in words(sheet) and "0.05 (0.05 to 0.05)" in words(sheet)
    assert "0 / 0 / 8 / 0" in words(sheet) and many.sampled == 8
    assert not any("\u202e" in one for one in words(sheet))


def test_a_curve_has_a_gap_where_nothing_can_be_told_and_the_page_escapes_its_words():
    one = unit(3)
    assert path_curves(one).names == ("first", "second") and next(row.value for row in lines(one)) == "0.05"
    assert random_curves(one).names == ("third", "second", "first") and random_curves(one).series[0][1] == pytest.approx([1, 0.9, 0.8])
    curves = Curves(("<a>", "b", "c", "d"), (("one", [0.0, NAN, 0.5, 1.0]),), ((0.0, "as & random"),))
    steps = list(curves.steps(curves.series[0][1]))
    assert [np.isnan(before) for *_, before in steps] == [True, True, False] and [step[0] for step in steps] == [0.0, 0.5, 0.75]
    made = curves.svg("a title")
    assert made.count("M") == 2 and "&lt;a&gt;" in made and "as &amp; random" in made
    assert Curves(("a",), (("one", [NAN]),)).is_empty
