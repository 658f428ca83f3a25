import re

import numpy as np
import pytest

from convscope.render.figures import raster
from convscope.render.histogram import Histogram, ticks, whole_ticks
from convscope.render.sheet import Sheet
from convscope.render.theme import LIGHT


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(0, 10, [0, 2, 4, 6, 8, 10]), (0, 0.35, [0, 0.1, 0.2, 0.3]), (-3, 4, [-2, 0, 2, 4]), (5, 5, [5])]
)
def test_ticks_are_round(low, high, expected):
    assert ticks(low, high) == expected


def test_the_axis_reaches_the_mark():
    plot = Histogram([0, 1, 2], [3, 1], mark=5.0, words="here")
    assert plot.span[0] == 0 and plot.span[1] >= 5 and plot.said == "here"
    assert plot.bars() == [(0, plot.at(1), 1.0), (plot.at(1), plot.at(2), 1 / 3)]


def test_a_mark_far_beyond_stands_at_the_edge_with_an_arrow():
    plot = Histogram([0, 1, 2], [3, 1], mark=50.0, words="here")
    assert plot.span == Histogram([0, 1, 2], [3, 1]).span and plot.at(50.0) == 1.0 and plot.said == "here →"
    assert ">here →</text>" in plot.svg("title")


def test_counts_have_no_halves():
    assert whole_ticks(1) == [0, 1] and whole_ticks(2) == [0, 1, 2] and whole_ticks(200) == [0, 50, 100, 150, 200]


def _drawn(plot):
    sheet = Sheet(600, 300, LIGHT)
    plot.draw(sheet, (0, 0), (600, 300))
    return np.asarray(raster(sheet))


def test_bars_are_as_high_as_their_counts():
    blue = (_drawn(Histogram([0, 1, 2, 3], [4, 0, 2])) == LIGHT.accent).all(axis=-1).sum(axis=0)
    heights = sorted(set(blue.tolist()) - {0})
    assert len(heights) == 2 and abs(heights[1] - 2 * heights[0]) <= 2


def test_the_mark_is_drawn_where_it_lies():
    plot = Histogram([0, 1, 2], [3, 1], mark=1.0)
    red = np.flatnonzero((_drawn(plot) == LIGHT.warning).all(axis=-1).any(axis=0))
    blue = np.flatnonzero((_drawn(Histogram([0, 1, 2], [3, 0])) == LIGHT.accent).all(axis=-1).any(axis=0))
    assert red.size == 4 and abs(red.mean() - blue.max()) <= 4
    assert not (_drawn(Histogram([0, 1], [1])) == LIGHT.warning).all(axis=-1).any()


def test_svg_has_the_same_bars_and_no_markup_of_strangers():
    svg = Histogram([0, 1, 2], [3, 1], mark=1.5, words="<b>5</b>", dots=(0.5,), axis="a & b").svg('"x"')
    assert (
        len(re.findall('class="bar"', svg)) == 2 and len(re.findall('class="mark"', svg)) == 1 and len(re.findall('class="dot"', svg)) == 1
    )
    assert "<b>" not in svg and "&lt;b&gt;" in svg and "a &amp; b" in svg


@pytest.mark.parametrize("counts", [[0, 0], [1, 0]])
def test_odd_ones_draw(counts):
    _drawn(Histogram([0, 0, 0], counts))
