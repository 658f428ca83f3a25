import numpy as np
import pytest
import records

from convscope.render.patches import (
    MISSING_NOTE,
    NOTHING_NOTE,
    alone,
    columns_for,
    framed,
    is_cut,
    patch_notes,
    share,
    shown_tiles,
    silence,
    square,
    square_size,
    tile_size,
)
from convscope.render.pixels import unit_to_rgb
from convscope.render.signals import scales, signed_to_rgb
from convscope.render.theme import LIGHT


@pytest.mark.parametrize(("window", "most", "expected"), [((3, 3), 100, (99, 99)), ((224, 112), 112, (112, 56)), ((28, 28), 10, (28, 28))])
def test_small_windows_grow_by_whole_factors(window, most, expected):
    assert tile_size(window, most) == expected


def test_nine_are_three_by_three():
    assert [columns_for(count) for count in (1, 2, 4, 5, 9, 10)] == [1, 2, 2, 3, 3, 4]
    assert square_size(9, (10, 20)) == (38, 68)


def drawn(patches, what, tile, signals=None):
    return square(patches, shown_tiles(patches, what, 98.0, signals=signals, tile=tile), tile, LIGHT)


@pytest.mark.parametrize("what", ["patches", "projections"])
def test_a_window_over_the_border_shows_only_what_lies_on_the_image(what):
    patches = records.patches()
    shown = drawn(patches, what, (30, 30))
    assert patches.inside(0) == (3, 3, 10, 10) and is_cut(patches)
    assert (shown[:9, :30] == LIGHT.panel).all() and (shown[:30, :9] == LIGHT.panel).all()
    cut = [
        signal[slice(*inner[::2]), slice(*inner[1::2])]
        for signal, inner in zip(patches.projections, map(patches.inside, range(9)), strict=True)
    ]
    expected = unit_to_rgb(patches.pixels[0, 3:, 3:]) if what == "patches" else signed_to_rgb(cut[0], scales(cut)[0])
    assert (shown[9:30:3, 9:30:3] == expected).all()
    assert (shown_tiles(patches, what, 98.0)[0] == expected).all()


def test_places_that_nothing_excites_stay_empty():
    shown = drawn(records.patches(fires=4), "patches", (20, 20))
    assert (shown[24:44, 24:44] == LIGHT.panel).all() and not (shown[24:44, :20] == LIGHT.panel).all()


def test_pictures_that_are_gone_and_projections_of_nothing_stay_empty():
    patches = records.patches(missing=(1,))
    patches.projections[0] = 0
    projections, shown = (drawn(patches, what, (20, 20)) for what in ("projections", "patches"))
    assert (shown[:20, 24:44] == LIGHT.panel).all() and (projections[:20, 24:44] == LIGHT.panel).all()
    assert (projections[:20, :20] == LIGHT.panel).all() and not (shown[:20, :20] == LIGHT.panel).all()
    assert not (projections[:20, 48:68] == LIGHT.panel).all()
    assert patch_notes([patches], view="projection")[-2:] == (NOTHING_NOTE, MISSING_NOTE)


def test_a_projection_is_reduced_before_it_is_scaled():
    spikes = np.zeros((9, 60, 60, 3), np.float32)
    spikes[:, ::20, ::20] = 1.0
    whole = {"fields": np.tile([0, 0, 60, 60], (9, 1)), "side": 60, "window": 60, "projections": spikes}
    assert drawn(records.patches(**whole), "projections", (15, 15))[:15, :15].max() == 255


def test_other_signals_take_the_place_of_the_projections():
    patches = records.patches()
    other = drawn(patches, "projections", (20, 20), -patches.projections)
    assert (other != drawn(patches, "projections", (20, 20))).any()
    assert (other == drawn(records.patches(projections=-patches.projections), "projections", (20, 20))).all()


@pytest.mark.parametrize("side", [29, 30, 31, 97, 128])
@pytest.mark.parametrize("window", [7, 40, 76])
def test_tiles_are_filled_to_the_last_pixel(side, window):
    inner = {
        "fields": np.tile([0, 0, window, window], (9, 1)),
        "side": window + 2,
        "window": window,
        "pixels": np.zeros((9, window, window, 3)),
    }
    shown = drawn(records.patches(**inner), "patches", (side, side))
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


def test_projections_of_one_unit_share_a_scale_and_none_is_lost_in_it():
    patches = records.patches(fields=np.tile([0, 0, 10, 10], (9, 1)), projections=np.full((9, 10, 10, 3), 1.0, np.float32))
    patches.projections[1:] *= np.array([0.5, 1e-3, 1, 1, 1, 1, 1, 1], np.float32)[:, None, None, None]
    tiles = shown_tiles(patches, "projections", 98.0)
    assert [int(tiles[place][0, 0, 0]) for place in range(3)] == [255, 128 + 64, 128 + 42]


def test_one_picture_stands_for_all_that_differ_in_size_alone():
    patches = records.patches()
    tiles = shown_tiles(patches, "projections", 98.0, single=True)
    assert list(tiles) == [3]  # the first that the border does not cut
    shown = alone(patches, tiles, (38, 38), LIGHT)
    assert shown.shape == (38, 38, 3) and (shown[4:34:3, 4:34:3] == tiles[3]).all() and (shown[:4] == LIGHT.panel).all()


def test_patches_are_seen_through_their_gradients_where_there_are_any():
    patches = records.patches()
    other = records.patches(gradients=np.ascontiguousarray(patches.projections[:, ::-1]) ** 5)
    assert (shown_tiles(other, "through", 98.0)[4] != shown_tiles(patches, "through", 98.0)[4]).any()
    assert (shown_tiles(other, "projections", 98.0)[4] == shown_tiles(patches, "projections", 98.0)[4]).all()
