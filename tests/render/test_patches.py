import numpy as np
import pytest
import records

from convscope.render.patches import (
    MISSING_NOTE,
    NOTHING_NOTE,
    PERCENTILE,
    columns_for,
    framed,
    is_cut,
    patch_notes,
    share,
    silence,
    square,
    square_size,
    tile_of,
    tile_size,
)
from convscope.render.pixels import signed_to_rgb, unit_to_rgb
from convscope.render.theme import LIGHT


@pytest.mark.parametrize(("window", "most", "expected"), [((3, 3), 100, (99, 99)), ((224, 112), 112, (112, 56)), ((28, 28), 10, (28, 28))])
def test_small_windows_grow_by_whole_factors(window, most, expected):
    assert tile_size(window, most) == expected


def test_nine_are_three_by_three():
    assert [columns_for(count) for count in (1, 2, 4, 5, 9, 10)] == [1, 2, 2, 3, 3, 4]
    assert square_size(9, (10, 20)) == (38, 68)


@pytest.mark.parametrize("what", ["patches", "projections"])
def test_a_window_over_the_border_shows_only_what_lies_on_the_image(what):
    patches = records.patches()
    shown = square(patches, what, (30, 30), LIGHT)
    assert patches.inside(0) == (3, 3, 10, 10) and is_cut(patches)
    assert (shown[:9, :30] == LIGHT.panel).all() and (shown[:30, :9] == LIGHT.panel).all()
    values = patches.pixels if what == "patches" else patches.projections
    convert = unit_to_rgb if what == "patches" else lambda signal: signed_to_rgb(signal, PERCENTILE)
    assert (shown[9:30:3, 9:30:3] == convert(values[0, 3:, 3:])).all()
    assert (tile_of(patches, 0, what) == convert(values[0, 3:, 3:])).all()


def test_places_that_nothing_excites_stay_empty():
    shown = square(records.patches(fires=4), "patches", (20, 20), LIGHT)
    assert (shown[24:44, 24:44] == LIGHT.panel).all() and not (shown[24:44, :20] == LIGHT.panel).all()


def test_pictures_that_are_gone_and_projections_of_nothing_stay_empty():
    patches = records.patches(missing=(1,))
    patches.projections[0] = 0
    projections, shown = (square(patches, what, (20, 20), LIGHT) for what in ("projections", "patches"))
    assert (shown[:20, 24:44] == LIGHT.panel).all() and (projections[:20, 24:44] == LIGHT.panel).all()
    assert (projections[:20, :20] == LIGHT.panel).all() and not (shown[:20, :20] == LIGHT.panel).all()
    assert not (projections[:20, 48:68] == LIGHT.panel).all()
    assert patch_notes([patches])[-2:] == (NOTHING_NOTE, MISSING_NOTE)


def test_a_projection_is_reduced_before_it_is_scaled():
    spikes = np.zeros((9, 60, 60, 3), np.float32)
    spikes[:, ::20, ::20] = 1.0
    whole = {"fields": np.tile([0, 0, 60, 60], (9, 1)), "side": 60, "window": 60, "projections": spikes}
    assert square(records.patches(**whole), "projections", (15, 15), LIGHT)[:15, :15].max() == 255


def test_other_signals_take_the_place_of_the_projections():
    patches = records.patches()
    other = square(patches, "projections", (20, 20), LIGHT, -patches.projections)
    assert (other != square(patches, "projections", (20, 20), LIGHT)).any()
    assert (other == square(records.patches(projections=-patches.projections), "projections", (20, 20), LIGHT)).all()


@pytest.mark.parametrize("side", [29, 30, 31, 97, 128])
@pytest.mark.parametrize("window", [7, 40, 76])
def test_tiles_are_filled_to_the_last_pixel(side, window):
    inner = {
        "fields": np.tile([0, 0, window, window], (9, 1)),
        "side": window + 2,
        "window": window,
        "pixels": np.zeros((9, window, window, 3)),
    }
    shown = square(records.patches(**inner), "patches", (side, side), LIGHT)
    assert (shown[:side, :side] == 0).all()


def test_the_frame_is_kept_on_the_image():
    assert framed(records.patches(), 0) == (0, 0, 7 / 24, 7 / 24)


def test_shares_round_neither_to_none_nor_to_all():
    assert [share(part) for part in (0, 1e-5, 0.034, 0.5, 0.997, 0.99999, 1)] == [
        "0 %",
        "< 0.1 %",
        "3.4 %",
        "50 %",
        "99.7 %",
        "> 99.9 %",
        "100 %",
    ]
    assert "2,000 images" in silence(2000) and "image" in silence(1)
