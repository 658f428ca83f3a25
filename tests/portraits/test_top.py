"""Zeiler's Figure 2 from a scan: patches are crops of what was measured, projections are the deconvnet's."""

import importlib
import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

import convscope
from convscope.errors import ImageError, ModelError, OptionError, ReplayError, UnitError
from convscope.formats.checksums import CHECKSUM, sealed
from convscope.graph.rules import GRADIENT
from convscope.method import Written
from convscope.network.addresses import as_units
from convscope.portraits import gathering
from convscope.portraits.scanned_units import ranges
from convscope.portraits.top import pages
from convscope.replaying import replay, same_bytes
from convscope.requests import Finished, Note, Request
from convscope.units import Unit
from sampling import all_but

top_module = importlib.import_module("convscope.portraits.top")
top_method = top_module.METHOD
IMAGES = "sample:fashion[0-119]"


@pytest.fixture(scope="module")
def found(fashion, run):
    return convscope.top(fashion, "block3_conv1:3-5,40", run=run)


def inside(patches, place):
    top, left, bottom, right = patches.inside(place)
    return (slice(top, bottom), slice(left, right))


def on_image(patches, place):
    top, left, bottom, right = (int(side) for side in patches.fields[place])
    height, width = patches.size
    return (slice(max(0, top), min(bottom, height)), slice(max(0, left), min(right, width)))


def test_patches_are_crops_of_what_entered_the_network(run, found):
    entered = convscope.activations("fashion", "block1_conv1", IMAGES).images
    for patches in found.patches:
        assert patches.places == tuple(range(9))
        for place in patches.places:
            whole = entered[patches.images[place]]
            assert np.array_equal(patches.pixels[place][inside(patches, place)], whole[on_image(patches, place)])
            outside = patches.pixels[place].copy()
            outside[inside(patches, place)] = 0
            assert not outside.any()
            assert patches.names[place] == f"fashion_test[{patches.images[place]}]" and patches.labels[place] in run.classes


def test_patches_are_those_of_the_scan(run, found):
    top = run.top("block3_conv1", [3, 4, 5, 40])
    for number, patches in enumerate(found.patches):
        assert patches.unit == Unit("block3_conv1", (3, 4, 5, 40)[number])
        assert np.array_equal(patches.images, top.images[number]) and np.array_equal(patches.values, top.values[number])
        assert np.array_equal(patches.fields, top.fields[number])
        assert np.array_equal(patches.positions, np.stack([top.rows[number], top.columns[number]], axis=1))
    assert np.array_equal(found.fires, run.units("block3_conv1").fires[[3, 4, 5, 40]].astype(np.float32))
    assert (found.channels, found.images, found.dataset) == (128, 120, "sample:fashion[0-119]")


KINDS = [("block2_conv2", 3, True), ("block3_conv1", 5, "spread"), ("dense1", 3, "spread"), ("predictions", 8, True)]


@pytest.mark.parametrize(
    ("layer", "channel", "switches"), all_but(KINDS, [(*one[:2], switches) for one in KINDS for switches in (True, "spread")])
)
def test_projections_are_the_deconvnets_at_the_field(fashion, run, layer, channel, switches, record_error):
    (patches,) = convscope.top(fashion, f"{layer}:{channel}", run=run, switches=switches, ties="spread").patches
    names = [f"sample:fashion[{image}]" for image in patches.images]
    expected = convscope.deconv(fashion, f"{layer}:{channel}", names, switches=switches, ties="spread")
    assert np.array_equal(expected.positions[:, 0], patches.positions)
    assert patches.places == tuple(range(9))
    for place in range(9):
        whole = expected.pixels[place, 0]
        shown = patches.projections[place][inside(patches, place)]
        scale = np.abs(whole).max()
        assert scale > 0
        assert record_error("top = deconv", np.abs(shown - whole[on_image(patches, place)]).max() / scale) <= 1e-5
        assert np.abs(whole).sum() == pytest.approx(np.abs(shown).sum(), rel=1e-5)


@pytest.mark.long
def test_the_model_is_the_runs_own_unless_one_is_given(run, found):
    for again in (
        convscope.top(run, ["block3_conv1:3-4", Unit("block3_conv1", 5), "block3_conv1:40"]),
        convscope.top(str(run.path), "block3_conv1:3-5,40"),
        convscope.top(None, "block3_conv1:3-5,40", run=run.path),
    ):
        assert again.provenance == found.provenance
        assert all(np.array_equal(one.projections, other.projections) for one, other in zip(again.patches, found.patches, strict=True))


def test_another_model_or_another_preprocessing_is_refused(run):
    from networks import small

    with pytest.raises(ModelError, match="is not the model of the run .*: its digest"):
        convscope.top(convscope.load(small(side=28, channels=1)), "block3_conv1", run=run)
    with pytest.raises(ModelError, match="its preprocessing is 0/255"):
        convscope.top(convscope.load("fashion", preprocess="0/255"), "block3_conv1", run=run)


@pytest.mark.parametrize(
    ("layer", "more", "error", "said"),
    [
        ("block1_conv2", {}, UnitError, "`block1_conv2` was not measured in the run .* Closest of its layers: block"),
        ("block3_conv1:120-128", {}, UnitError, "has 128 channels, 0 to 127; received channel 128"),
        ("block3_conv1:5@1,2", {}, UnitError, "one position of a unit, but a scan measures whole units. Use block3_conv1:5"),
        (
            ["block3_conv1:5", "dense1:1"],
            {},
            UnitError,
            "The units belong to 2 layers: block3_conv1, dense1. One sheet shows units of one layer",
        ),
        ([], {}, UnitError, "No unit. Expected an address such as `block1_conv1:0`"),
        ("block3_conv1", {"filters": "0-3"}, OptionError, r'convscope\.top\(run, "block3_conv1:0-3"\)'),
        ("block3_conv1", {"filters": [3, 17]}, OptionError, r'convscope\.top\(run, "block3_conv1:3,17"\)'),
        ("block3_conv1", {"run": None}, OptionError, "Received no run. Expected the folder of a scan"),
        ("block3_conv1", {"switches": "sideways"}, OptionError, "No switches `sideways`"),
        ("block3_conv1", {"ties": "last"}, OptionError, "No ties `last`"),
        ("block3_conv1", {"theme": "pink"}, OptionError, "No theme `pink`"),
        ("block3_conv1", {"view": "sideways"}, OptionError, "No view `sideways`"),
        ("block3_conv1", {"run": "nowhere"}, ReplayError, "is not a run"),
    ],
)
def test_what_makes_no_sense_is_said(fashion, run, layer, more, error, said):
    with pytest.raises(error, match=said):
        convscope.top(fashion, layer, **({"run": run} | more))


def test_classes_go_by_their_names(fashion, run):
    found = convscope.top(fashion, "predictions:Bag", run=run)
    assert found.legend(found.patches[0].unit) == "predictions:8 (Bag)" and set(found.patches[0].labels) == {"Bag"}


def test_silent_units_are_said_and_take_no_picture(fashion, run, tmp_path):
    silent = np.flatnonzero(run.units("dense1").fires == 0)
    assert len(silent)
    found = convscope.top(fashion, f"dense1:{silent[0]}", run=run)
    assert found.patches[0].count == 0 and not found.patches[0].projections.any()
    assert found.silent == len(silent) and found.summary()["units"][0]["silent"]
    found.save(tmp_path / "silent.png")


def test_a_layer_is_divided_into_pages_that_hold_every_unit_once(fashion, run):
    parts = pages(fashion, "block3_conv1", run=str(run.path), theme="dark").results
    assert list(parts)[:2] == ["block3_conv1-000-015", "block3_conv1-016-031"] and len(parts) == 8
    assert [unit.channel for part in parts.values() for unit in as_units(fashion, part.args[1])] == list(range(128))
    assert len({id(part.keywords["run"]) for part in parts.values()}) == 1
    assert {part.keywords["theme"] for part in parts.values()} == {"dark"}
    assert pages(fashion, "predictions", run=run).write is None
    assert list(pages(fashion, "dense1:100-110,1-6", run=run).results) == ["dense1-100-005", "dense1-006-006"]
    several = pages(run, ["dense1:3", "predictions:Bag", "dense1:1"]).results
    assert {name: part.args[1] for name, part in several.items()} == {"dense1-003-001": "dense1:3,1", "predictions-8-8": "predictions:8"}


@pytest.mark.parametrize(("channels", "said"), [([0, 1, 2, 3], "0-3"), ([3, 17], "3,17"), ([5], "5"), ([1, 2, 9, 4, 5], "1-2,9,4-5")])
def test_channels_are_written_as_ranges(channels, said):
    assert ranges(channels) == said


def test_more_than_fits_into_memory_is_refused_before_it_is_read(fashion, run, monkeypatch):
    monkeypatch.setattr("convscope.portraits.top.MOST_BYTES", 10_000)
    monkeypatch.setattr(run, "picture", None)
    with pytest.raises(OptionError, match="128 units are"):
        convscope.top(fashion, "block3_conv1", run=run)


def test_places_that_do_not_divide_into_batches_lose_nothing(fashion, run, found, monkeypatch):
    monkeypatch.setattr(gathering, "PLACES_AT_ONCE", 7)
    again = convscope.top(fashion, "block3_conv1:3-5,40", run=run)
    for one, other in zip(again.patches, found.patches, strict=True):
        assert np.array_equal(one.pixels, other.pixels)
        assert np.abs(one.projections - other.projections).max() <= 1e-5 * np.abs(other.projections).max()


@pytest.fixture
def photos(tmp_path):
    """Twelve pictures in a folder and a scan of them."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, pixels in enumerate(convscope.activations("fashion", "block1_conv1", "sample:fashion[0-11]").images):
        Image.fromarray(np.rint(pixels[..., 0] * 255).astype(np.uint8)).save(folder / f"{number:02d}.png")
    convscope.scan("fashion", folder, out=tmp_path / "run", layers="block3_conv1", precision="float32")
    return folder


def test_a_picture_that_is_gone_or_changed_leaves_its_place_empty(photos, tmp_path):
    first = convscope.top(convscope.open_run(tmp_path / "run", allow=photos), "block3_conv1:5")
    written = first.save(tmp_path / "first.png")[0]
    lost = first.patches[0].images[[0, 4]]
    (photos / f"{lost[0]:02d}.png").unlink()
    Image.new("L", (28, 28), 90).save(photos / f"{lost[1]:02d}.png")
    found = convscope.top(convscope.open_run(tmp_path / "run", allow=photos), "block3_conv1:5")
    assert found.patches[0].missing == (0, 4) and found.patches[0].places == (1, 2, 3, 5, 6, 7, 8)
    assert found.notes[0].startswith("Images that are unavailable: 2. The first: `")
    assert not found.patches[0].pixels[[0, 4]].any() and not found.patches[0].projections[[0, 4]].any()
    rest = list(found.patches[0].places)
    assert np.array_equal(found.patches[0].pixels[rest], first.patches[0].pixels[rest])
    again = found.save(tmp_path / "second.png")[0]
    assert same_bytes(replay(again), again)
    with pytest.raises(ReplayError, match="have changed"):
        replay(written)


def test_no_picture_at_all_is_an_error(photos, tmp_path):
    shutil.rmtree(photos)
    with pytest.raises(ImageError):
        convscope.top(convscope.open_run(tmp_path / "run", allow=photos), "block3_conv1:5")
    photos.mkdir()
    Image.new("L", (28, 28), 90).save(photos / "other.png")
    with pytest.raises(ImageError, match="None of the images is available. The first: `"):
        convscope.top(convscope.open_run(tmp_path / "run", allow=photos), "block3_conv1:5")


def test_arrays_in_memory_have_pictures_while_they_are_there(fashion, tmp_path):
    arrays = (np.arange(3 * 28 * 28) * 7 % 255).astype(np.uint8).reshape(3, 28, 28, 1)
    run = convscope.scan(fashion, arrays, out=tmp_path / "run", layers="block2_conv2")
    patches = convscope.top(fashion, "block2_conv2:1", run=run).patches[0]
    assert patches.count == 3 and patches.images.tolist()[3:] == [-1] * 6
    with pytest.raises(ImageError, match="arrays in memory"):
        convscope.top(fashion, "block2_conv2:1", run=tmp_path / "run")


def test_a_scan_that_was_stopped_says_so(fashion, run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run.path, copy)
    manifest = {name: value for name, value in run.manifest.items() if name != CHECKSUM}
    (copy / "manifest.json").write_bytes(sealed(manifest | {"complete": False, "count": 500}))
    assert "The scan is not complete: 120 of 500 images are in it." in convscope.top(fashion, "dense1:1", run=copy).notes


def test_a_field_larger_than_the_image_shows_the_image_whole(tmp_path):
    from convscope.backend import keras
    from networks import images, model_of

    layers = [keras.layers.Conv2D(3, 9, padding="same", activation="relu", name=f"conv{number}") for number in range(3)]
    bundle = convscope.load(model_of(*layers, shape=(12, 12, 3)), preprocess="unit")
    run = convscope.scan(bundle, images(4, 12, 12, 3), out=tmp_path / "run", layers="conv2")
    found = convscope.top(bundle, "conv2", run=run)
    assert any(patches.count for patches in found.patches)
    assert (found.variant, found.steady, found.patches[0].gradients) == ("unpooled", True, None)
    seen = convscope.top(bundle, "conv2", run=run, view="both")
    for patches in seen.patches:
        for place in patches.places:
            picture = run.picture(int(patches.images[place]))[None]
            plain = convscope.deconv(bundle, str(patches.unit), picture, rules=GRADIENT)
            assert np.abs(patches.gradients[place] - plain.pixels[0, 0]).max() <= 1e-5 * np.abs(plain.pixels).max()
    for patches in found.patches:
        for place in patches.places:
            assert patches.fields[place].tolist() == [0, 0, 12, 12]
            assert np.array_equal(patches.pixels[place], run.picture(int(patches.images[place])))
    assert any("No max pooling comes before this layer" in note for note in found.notes)


@pytest.mark.long
def test_a_picture_of_an_earlier_release_is_made_again(run, found, tmp_path):
    """Earlier releases recorded the layer and its filters apart."""
    path = found.save(tmp_path / "now.png")[0]
    sidecar = path.with_suffix(".json")
    recorded = json.loads(sidecar.read_text())
    assert recorded["parameters"].pop("units") == ["block3_conv1:3-5,40"]
    recorded["parameters"] |= {"layer": "block3_conv1", "filters": "3-5,40"}
    sidecar.write_text(json.dumps(recorded))
    again = replay(sidecar, allow=run.path)
    assert again.provenance == found.provenance
    assert all(np.array_equal(one.projections, other.projections) for one, other in zip(again.patches, found.patches, strict=True))
    assert same_bytes(replay(path, allow=run.path), path)


@pytest.fixture
def small_pages(monkeypatch):
    """Pages of two units: what pages are kept for does not depend on how many units they show, but the time to draw them does."""
    monkeypatch.setattr(top_module, "ON_A_PAGE", 2)


@pytest.mark.long
@pytest.mark.once
def test_an_interrupted_request_keeps_its_pages_and_makes_the_rest(fashion, run, tmp_path, monkeypatch, small_pages):
    request = Request(top_method, ("block2_conv2:0-7",), {"run": run}, fashion)
    count = len(request.pieces.results)
    whole, part = tmp_path / "whole", tmp_path / "part"
    assert [*request.write(whole, folder=tmp_path)][-1] == Finished(False, 8, 0, whole / "index.html") and count == 4
    made, own = [], top_module.portraits_of

    def until_the_third(*given, **more):
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(given[3])
        yield from own(*given, **more)

    with monkeypatch.context() as patched:
        patched.setattr(top_module, "portraits_of", until_the_third)
        end = [*request.write(part, folder=tmp_path)][-1]
        assert end == Finished(True, 4, 0, part / "index.html")
        assert [*end.sentences()] == ["Interrupted. 4 units are written. The same command makes the rest."]
    times = {path.name: path.stat().st_mtime_ns for path in part.glob("*.png")}
    events = [*request.write(part, folder=tmp_path)]
    assert events[-1] == Finished(False, 4, 4, part / "index.html")
    assert [one.new for one in events if isinstance(one, Written)] == [False, False, True, True]
    assert not any("Overwrote" in one.text for one in events if isinstance(one, Note))
    assert all((part / name).stat().st_mtime_ns == time for name, time in times.items())
    files = {path.relative_to(whole): path.read_bytes() for path in whole.rglob("*") if path.is_file()}
    assert {path.relative_to(part): path.read_bytes() for path in part.rglob("*") if path.is_file()} == files


@pytest.mark.long
@pytest.mark.once
def test_a_page_of_other_settings_or_of_an_older_run_is_made_again(fashion, run, tmp_path, small_pages):
    def kept(**options):
        request = Request(top_method, ("block3_conv1:0-3",), {"run": run} | options, fashion)
        return [*request.write(tmp_path, folder=tmp_path)][-1].kept

    assert [kept(), kept(), kept(contrast=90.0), kept(contrast=90.0)] == [0, 4, 0, 4]
    pages_of_it = sorted(tmp_path.glob("*.png"))
    pages_of_it[0].write_bytes(pages_of_it[1].read_bytes())  # another page under its name
    assert kept(contrast=90.0) == 2
    pages_of_it[1].with_suffix(".json").unlink()
    assert kept(contrast=90.0) == 2
    manifest = run.path / "manifest.json"
    os.utime(pages_of_it[0], ns=(0, manifest.stat().st_mtime_ns - 1))
    assert kept(contrast=90.0) == 2
