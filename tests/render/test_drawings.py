import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import records
from PIL import Image

from convscope import tables
from convscope.catalogue import DRAWINGS, METHODS
from convscope.errors import OptionError, OutputError
from convscope.method import DRAWING
from convscope.render import deconv
from convscope.render.figures import raster, shorten, width_of, wrap
from convscope.render.layout import Tile, columns_of, number
from convscope.render.sheet import LABEL, Sheet
from convscope.render.theme import LIGHT, THEMES
from convscope.render.thumbnails import lay_all
from convscope.render.tsne import arrange, compose, on_grid
from convscope.units import Unit

LARGEST = 90_000_000  # pixels beyond which Pillow warns of a decompression bomb


def draw(result: Any, **options: Any) -> dict[str, Any]:
    drawn = DRAWINGS.get(result.provenance.method)(result, **options)
    return {name: raster(one) if isinstance(one, Sheet) else one for name, one in drawn.items()}


def first(result: Any) -> Sheet:
    """Return the main picture before its pixels are made: they have the sheet's size, see `test_a_sheet_has_the_size_it_was_given`."""
    sheet = next(iter(DRAWINGS.get(result.provenance.method)(result).values()))
    assert isinstance(sheet, Sheet)
    return sheet


def main(result: Any, **options: Any) -> Image.Image:
    picture = next(iter(draw(result, **options).values()))
    assert isinstance(picture, Image.Image)
    return picture


EVERY = {
    "activations": lambda n: records.activations(n),
    "activations, grey": lambda n: records.activations(n, channels_in=1, order="index"),
    "activations, dense": lambda n: records.activations(n, side=0, labels=tuple("abc")),
    "deconv": lambda n: records.projections(n),
    "deconv, images": lambda n: records.projections(n, images=3),
    "deconv, through": lambda n: records.projections(n, view="through"),
    "saliency": lambda n: records.saliency(n),
    "saliency, guided": lambda n: records.saliency(n, method="guided", channels=1),
    "saliency of a part": lambda n: records.saliency(n, field=(-3, 4, 9, 20)),
    "saliency, signed": lambda n: records.saliency(n, method="occlusion"),
    "saliency, units": lambda n: records.saliency(n, method="gradcam", units=2),
    "saliency, all": lambda n: records.compared_maps(n),
    "ascend": lambda n: records.ascent(n + 1),
    "ascend, grey": lambda n: records.ascent(n + 1, channels=1),
    "top": lambda n: records.top(n, silent=(n - 1,)),
    "top, whole images": lambda n: records.top(n, window=24, side=24, channels=1, fields=np.tile([0, 0, 24, 24], (9, 1))),
    "top, both": lambda n: replace(records.top(n), view="both", steady=True),
    "dossier": lambda n: records.dossier(patches=records.patches(fires=min(n, 9))),
    "dossier, no labels": lambda n: records.dossier(class_means={}, class_top={}, field=None),
    "dossier, no switches": lambda n: records.dossier(spread=None, steady=True),
    "dossier, silent": lambda n: records.dossier(patches=records.patches(fires=0), score=0.0),
    "tsne": lambda n: records.embedding(n),
    "tsne, photos": lambda n: records.embedding(n, channels=3, labels=None),
}


@pytest.mark.parametrize("count", [1, 64])
@pytest.mark.parametrize("kind", EVERY)
def test_sheets_have_a_sensible_size(kind: str, count: int) -> None:
    picture = first(EVERY[kind](count))
    assert 400 < picture.width < 6000 and 300 < picture.height < 6000
    assert 0.25 < picture.width / picture.height < 4


@pytest.mark.parametrize("kind", EVERY)
def test_drawing_twice_gives_the_same_pixels(kind: str) -> None:
    once, twice = main(EVERY[kind](5)), main(EVERY[kind](5))
    assert once.mode == "RGB" and once.tobytes() == twice.tobytes()


@pytest.mark.parametrize("kind", EVERY)
def test_the_dark_theme_is_dark(kind: str) -> None:
    assert main(EVERY[kind](2), theme="dark").getpixel((0, 0)) == (17, 20, 26)


def test_a_record_says_its_theme_and_every_method_offers_the_same() -> None:
    assert main(records.saliency().drawn(theme="dark")).getpixel((0, 0)) == (17, 20, 26)
    (theme,) = DRAWING
    for name in METHODS:
        assert theme in METHODS.get(name).options and "theme" in METHODS.get(name).parameters
    assert theme.choices == tuple(THEMES)


def test_many_rows_stay_below_the_limit_of_viewers() -> None:
    picture = first(records.projections(600))
    assert picture.width * picture.height < LARGEST


def test_unknown_theme_is_named() -> None:
    with pytest.raises(OptionError, match="light"):
        main(records.ascent(2), theme="lihgt")


def test_importing_render_imports_no_matplotlib() -> None:
    code = "import sys, convscope.render; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_caller_settings_are_left_alone() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    main(records.ascent(3))
    assert dict(matplotlib.rcParams) == before


def test_no_global_figures_are_made() -> None:
    code = "import sys, records; records.saliency().picture(); assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(records.__file__).parent)


def test_ascend_picture_is_the_record_to_the_last_bit() -> None:
    result = records.ascent(3)
    drawn = draw(result)
    assert list(drawn) == ["sheet.png", "conv-0.png", "conv-1.png", "conv-2.png"]
    for index, unit in enumerate(result.units):
        pixels = np.asarray(drawn[f"{unit.slug}.png"], np.float32) / np.float32(255)
        assert (pixels == result.images[index]).all()
    assert list(draw(records.ascent(1))) == ["conv-0.png"]
    assert draw(records.ascent(1, channels=1))["conv-0.png"].mode == "L"


def test_ascend_names_differ_where_only_case_does() -> None:
    units = (Unit("Conv", 0), Unit("conv", 0), Unit("a/b", 1), Unit("a-b", 1))
    names = list(draw(replace(records.ascent(4), units=units)))
    assert len({name.casefold() for name in names}) == 5


def test_dead_units_are_marked() -> None:
    red = np.array(LIGHT.warning)
    for scores, marked in (([1.0, 1.0], False), ([1.0, 0.0], True), ([1.0, float("nan")], True)):
        picture = np.asarray(main(records.ascent(2, channels=1, scores=np.array(scores, np.float32))))
        assert (np.abs(picture.astype(int) - red).max(axis=-1) < 3).any() == marked


def test_a_sheet_shows_the_pixels_it_was_given() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    sheet = Sheet(100, 80, LIGHT)
    sheet.paste(pixels, 7, 9)
    assert (np.asarray(raster(sheet))[9:39, 7:47] == pixels).all()


@pytest.mark.parametrize("size", [29, 57, 58, 113, 1000, 1001])
def test_a_sheet_has_the_size_it_was_given(size: int) -> None:
    assert raster(Sheet(size, size + 1, LIGHT)).size == (size, size + 1)


def test_deconv_crops_to_the_field_and_marks_it() -> None:
    result = records.projections()
    (row,) = deconv._Shown(result, True).rows()
    image, patch, projection, seen = row.tiles
    assert image.frame == (4 / 32, 2 / 24, 14 / 32, 12 / 24)
    assert patch.pixels is not None and patch.pixels.shape == (10, 10, 3)
    assert projection.pixels is not None and projection.pixels.shape == (10, 10, 3)
    assert seen.pixels is not None and seen.pixels.shape == (10, 10, 3)
    assert "at 1,1" in row.detail and "image 0.jpg" in row.detail


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_deconv_says_so_where_nothing_excites(value: float) -> None:
    result = records.projections(values=np.full((1, 1), value, np.float32))
    ((*_, tiles),) = ((row.label, row.tiles) for row in deconv._Shown(result, True).rows())
    said = "not excited by this image" if value <= 0 else "not finite: NaN or infinite on this image"
    assert tiles[1:] == (Tile(), Tile(words=said), Tile())
    assert tiles[0].frame is None


@pytest.mark.parametrize(
    ("gradient", "score", "said"),
    [(0, 0, "not excited by this image"), (0, 1, "no gradient on this image"), (np.nan, 1, "not finite: NaN")],
)
def test_saliency_says_so_where_there_is_no_map(gradient: float, score: float, said: str) -> None:
    result = records.saliency()
    for signals in result.windows.signals:
        signals[0][:] = gradient
    result = replace(result, scores=np.full_like(result.scores, score))
    assert any(words.text.startswith(said[:12]) for words in first(result).words)
    assert not any(words.text.startswith(said[:12]) for words in first(records.saliency()).words)


def test_deconv_of_a_whole_map_is_not_cropped() -> None:
    assert main(records.projections(seeded="map")).tobytes() != main(records.projections()).tobytes()
    (row,) = deconv._Shown(records.projections(seeded="map"), False).rows()
    assert row.tiles[-1].pixels is not None and row.tiles[-1].pixels.shape == (24, 32, 3)


@pytest.mark.parametrize(("view", "count"), [("projection", 3), ("through", 3), ("both", 4), ("gradient", 4)])
def test_deconv_shows_what_is_asked_for(view: str, count: int) -> None:
    shown = deconv._Shown(records.projections(view=view), True)
    (row,) = shown.rows()
    assert len(row.tiles) == len(shown.names) == count


def test_a_projection_that_the_image_does_not_change_is_drawn_once() -> None:
    rows = list(deconv._Shown(records.projections(2, images=3, steady=(True, False)), True).rows())
    again = "as for image 0.jpg: the image does not change it"
    assert [row.tiles[2].words == again for row in rows] == [False, True, True, False, False, False]


def test_deconv_names_places_at_the_border() -> None:
    result = records.projections(border=np.ones((1, 1), bool))
    assert "at 1,1 (border)" in next(deconv._Shown(result, True).rows()).detail
    assert any("sees padding" in note for note in deconv._heading(result).notes)


def test_a_field_outside_the_image_is_kept_inside() -> None:
    main(records.projections(fields=np.array([[[-5, -5, 400, 400]]])))
    main(records.projections(fields=np.array([[[24, 32, 24, 32]]])))


def test_activations_make_one_sheet_for_each_image() -> None:
    assert list(draw(records.activations())) == ["activations.png"]
    assert list(draw(records.activations(images=2))) == ["activations-1-image-0.png", "activations-2-image-1.png"]


def test_activations_order_and_number() -> None:
    from convscope.render.activations import _chosen

    maps = np.zeros((1, 2, 2, 4), np.float32)
    maps[0, 1, 1] = [1, 3, np.nan, 2]
    assert _chosen(records.activations(maps=maps), 0) == [1, 3, 0, 2]
    assert _chosen(records.activations(maps=maps, order="index", most=2), 0) == [0, 1]


@pytest.mark.parametrize("fill", [0.0, -1.0, float("nan"), float("inf")])
def test_activations_of_odd_values_draw(fill: float) -> None:
    main(records.activations(maps=np.full((1, 1, 1, 3), fill, np.float32)))
    main(records.activations(side=0, maps=np.full((1, 3), fill, np.float32)))


def test_top_shows_the_patches_to_the_pixel_and_says_what_is_silent() -> None:
    result = records.top(1)
    drawn = np.asarray(main(result))
    tile = np.kron(np.rint(result.patches[0].pixels[4] * 255).astype(np.uint8), np.ones((22, 22, 1), np.uint8))
    corners = np.argwhere((drawn == tile[0, 0]).all(axis=-1))
    assert any((drawn[top : top + 220, left : left + 220] == tile).all() for top, left in corners if top + 220 <= drawn.shape[0])
    assert main(records.top(2, silent=(1,))).tobytes() != main(records.top(2)).tobytes()


def test_a_sheet_of_too_many_units_is_refused() -> None:
    with pytest.raises(OutputError, match="257 units is too long; convscope draws at most 256"):
        main(records.top(257, k=1, fires=1, window=2))


def test_top_of_class_units_is_named_by_class() -> None:
    named = replace(records.top(1), class_names={"conv:0": "Sneaker"})
    assert main(named).tobytes() != main(records.top(1)).tobytes()


def test_map_is_a_table_too(tmp_path: Path) -> None:
    labels = ('tricky, "label"', "b", "<script>alert(1)</script>")
    result = records.embedding(3, labels=labels, predictions=("x", "y", "z"), image_names=("a.png", "caf\udce9.png", "../c"))
    (tmp_path / "map.parquet").write_bytes(draw(result)["map.parquet"])
    found = tables.read_parquet(tmp_path / "map.parquet")
    assert found.texts == {"path": ("a.png", "caf\\udce9.png", "../c"), "label": labels, "prediction": ("x", "y", "z")}
    assert list(found.numbers) == ["id", "x", "y", "column", "row"]
    assert (np.stack([found.numbers["x"], found.numbers["y"]], axis=1) == result.points).all()
    assert (np.stack([found.numbers["column"], found.numbers["row"]], axis=1) == result.cells).all()
    assert tables.about(tmp_path / "map.parquet")["quality"] == {"knn@10": 0.5}


@pytest.mark.parametrize("channels", [1, 3])
def test_every_image_has_its_cell_of_the_grid(channels: int) -> None:
    thumbnails = np.zeros((5, 8, 8, channels), np.uint8)
    thumbnails[:, 2:6, 2:6, 0] = 255
    result = records.embedding(5, thumbnails=thumbnails, labels=tuple("abcde"))
    plan = on_grid(result.cells, result.grid, 8)
    canvas = compose(thumbnails, plan, [(10, 20 * index, 30) for index in range(5)], LIGHT)
    for index, (left, top) in enumerate(plan.places.tolist()):
        cell = canvas[top : top + plan.side, left : left + plan.side].reshape(-1, 3)
        shown = cell[(cell == cell[:, :1]).sum(axis=1) < 3]
        assert ((shown == (10, 20 * index, 30)).all(axis=1)).any()
    last = canvas[plan.height // 2 :, 2 * plan.width // 3 + 1 :]
    assert (last == 255).all()


def test_drawings_blend_as_one_by_one() -> None:
    rng = np.random.default_rng(1)
    thumbnails = rng.integers(0, 256, (3, 6, 6, 1), np.uint8)
    thumbnails[:, [0, -1]] = thumbnails[:, :, [0, -1]] = 0
    places = np.array([[0, 0], [2, 1], [4, 4]])
    canvas = np.full((10, 10, 3), 255, np.uint8)
    lay_all(canvas, thumbnails, np.array([0, 1, 2]), places, 6, [(200, 0, 0)] * 3, LIGHT)
    slow = np.full((10, 10, 3), 255.0)
    for (left, top), picture in zip(places, thumbnails[..., 0] / 255, strict=True):
        opacity = np.minimum(1, 1.8 * picture)
        padded = np.pad(opacity, 1)
        for y, x in np.ndindex(6, 6):
            halo = 0.75 * padded[y : y + 3, x : x + 3].max()
            behind = slow[top + y, left + x] * (1 - halo) + 255 * halo
            colour = np.array([200, 0, 0]) * (0.55 + 0.45 * picture[y, x])
            slow[top + y, left + x] = behind * (1 - opacity[y, x]) + colour * opacity[y, x]
    assert np.abs(canvas - slow).max() < 3


def test_shapes_blend_as_one_by_one_and_have_a_frame_around_them() -> None:
    thumbnails = np.zeros((2, 40, 40, 4), np.uint8)
    thumbnails[:, 10:30] = (200, 100, 50, 255)
    thumbnails[1, 10:30, :, 3] = 128
    canvas = np.full((40, 100, 3), 90, np.uint8)
    lay_all(canvas, thumbnails, np.arange(2), np.array([[0, 0], [55, 0]]), 40, [(10, 20, 30), None], LIGHT)
    assert (canvas[20, 20] == (200, 100, 50)).all() and (canvas[2, 20] == 90).all()
    assert np.abs(canvas[9, 20].astype(int) - (10, 20, 30)).max() <= 12  # the frame, around the picture
    blended = (np.array([200, 100, 50]) * 128 + 127 * 128 + 90 * 127) / 255
    assert np.abs(canvas[20, 75] - blended).max() <= 2


def test_thumbnails_are_pushed_apart_unless_the_record_is_exact(tmp_path: Path) -> None:
    result = records.embedding(60, network="net")
    apart, exact = main(result), main(replace(result, exact=True))
    assert apart.tobytes() != exact.tobytes()
    drawn = DRAWINGS.get("tsne")(result)
    said = [words.text for words in drawn["map.png"].words]
    assert any("pushed apart" in one for one in said) and said[1].startswith("net ")
    assert drawn["map.parquet"] == DRAWINGS.get("tsne")(replace(result, exact=True))["map.parquet"]


def test_a_map_is_coloured_by_what_is_asked_for() -> None:
    result = records.embedding(3, predictions=("x", "x", "x"))
    pictures = [main(result, by=by, theme=theme).tobytes() for by in ("label", "prediction") for theme in ("light", "dark")]
    assert len(set(pictures)) == 4
    assert main(result).tobytes() == pictures[0]


def test_the_map_below_placed_images_shows() -> None:
    below = np.array([[-9, -9], [9, 9]], np.float32)
    plan = arrange(np.zeros((3, 2), np.float32), 8, below)
    canvas = compose(np.zeros((3, 8, 8, 3), np.uint8), plan, [None] * 3, LIGHT)
    assert plan.backdrop is not None
    for left, top in plan.backdrop.tolist():
        assert tuple(canvas[top, left]) == LIGHT.line


def test_map_places_images_with_one_scale_and_y_up() -> None:
    plan = arrange(np.array([[0, 0], [10, 0], [0, 5]], np.float32), 16)
    (left, low), (right, _), (_, high) = plan.places.tolist()
    assert high < low
    assert abs((right - left) - 2 * (low - high)) <= 2
    assert (plan.places >= 0).all() and (plan.places + plan.side <= (plan.width, plan.height)).all()


@pytest.mark.parametrize("count", [2000, 100_000])
def test_map_grows_with_the_number_of_images(count: int) -> None:
    points = np.random.default_rng(0).normal(size=(count, 2)).astype(np.float32)
    plan = arrange(points, 28)
    assert 1500 < max(plan.width, plan.height) <= 3700


def test_map_of_equal_or_broken_points_draws() -> None:
    main(records.embedding(3, points=np.zeros((3, 2), np.float32)))
    main(records.embedding(3, points=np.array([[0, np.nan], [np.inf, 1], [2, 3]], np.float32)))


def test_map_of_many_classes_draws() -> None:
    main(records.embedding(200, labels=tuple(f"class {index}" for index in range(200))))
    main(records.embedding(3, labels=("a", "", "")))


def test_words_of_any_kind_draw_without_warnings() -> None:
    names = ("$\\frac{", "猫\n\x00.jpg", "caf\udce9 " + "x" * 500)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        main(replace(records.projections(2, images=3), image_names=names, notes=names))


def test_words_fit_their_room() -> None:
    words = "a rather long name of a picture.jpg"
    assert shorten(words, LABEL, 10_000) == words
    assert shorten(words, LABEL, 150).endswith("…") and width_of(shorten(words, LABEL, 150), LABEL) <= 150
    lines = wrap(f"{words} {words}", LABEL, 300)
    assert len(lines) > 1 and " ".join(lines) == f"{words} {words}"


def test_numbers_read_well() -> None:
    values = (0, 0.5, 12.34, 1234.5, -3, 1e-5, 2e7, float("nan"))
    assert [number(value) for value in values] == [
        "0",
        "0.500",
        "12.3",
        "1234",
        "\N{MINUS SIGN}3.00",
        "1.00e-05",
        "2.00e+07",
        "not finite",
    ]


def test_grids_leave_few_places_empty() -> None:
    assert columns_of(64, 9.1) == 8
    assert columns_of(1, 1) == 1
    assert columns_of(2, 1.5) == 2
