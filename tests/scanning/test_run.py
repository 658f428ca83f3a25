"""The reader of a run, and its tables as anyone reads them."""

import numpy as np
import pytest
from PIL import Image
from pyarrow import parquet as pq

import convscope
from convscope.errors import ImageError, ReplayError, UnitError
from convscope.formats.checksums import sealed

IMAGES = "sample:fashion[0-299]"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "run"
    return convscope.scan("fashion", IMAGES, out=path, precision="float32", top=4)


@pytest.fixture(scope="module")
def maps():
    return convscope.activations("fashion", "block3_conv1", IMAGES).maps


def table(run, name):
    return pq.read_table(run.path / f"{name}.parquet").to_pydict()


def test_a_run_opened_again_says_the_same(run):
    again = convscope.open_run(run.path)
    assert again.manifest == run.manifest and len(again) == again.count == 300 and again.complete
    assert again.layers == run.layers and again.classes == run.classes
    first, second = run.top("block3_conv1", [3, 1]), again.top("block3_conv1", [3, 1])
    assert first.channels.tolist() == [3, 1] and np.array_equal(first.images, second.images)
    assert np.array_equal(first.images, run.top("block3_conv1").images[[3, 1]])


def test_units_go_by_their_addresses(run):
    by_address, by_channels = run.top("block3_conv1:3,0-1"), run.top("block3_conv1", [3, 0, 1])
    assert by_address.layer == "block3_conv1" and by_address.channels.tolist() == [3, 0, 1]
    assert np.array_equal(by_address.images, by_channels.images)
    assert np.array_equal(run.units("block3_conv1:all").fires, run.units("block3_conv1").fires)
    for odd in ("block3_conv1:3@1,2", "predictions:Bag"):
        with pytest.raises(UnitError, match="is a position or a class"):
            run.top(odd)


def test_top_carries_positions_and_receptive_fields(run, maps):
    top = run.top("block3_conv1")
    assert top.images.shape == top.values.shape == top.rows.shape == (128, 4) and top.fields.shape == (128, 4, 4)
    unit = 5
    for image, value, row, column, field in zip(
        *(one[unit] for one in (top.images, top.values, top.rows, top.columns, top.fields)), strict=True
    ):
        assert np.isclose(maps[image, row, column, unit], value, atol=1e-4)
        top_row, left, bottom, right = field
        assert bottom - top_row == right - left == 24
        assert top_row + 12 == pytest.approx(4 * row + 2, abs=2) and left + 12 == pytest.approx(4 * column + 2, abs=2)


def test_units_are_the_distribution_of_the_maxima(run, maps):
    maxima = maps.max(axis=(1, 2))
    found = run.units("block3_conv1")
    labels = np.asarray([run.label(image) for image in range(300)])
    assert np.allclose(found.mean, maxima.mean(axis=0), atol=1e-4)
    assert np.allclose(found.fires, (maxima > 0).mean(axis=0))
    assert np.allclose(found.largest, maxima.max(axis=0), atol=1e-4)
    assert np.allclose(found.quantiles[0.5], np.quantile(maxima, 0.5, axis=0, method="inverted_cdf"), rtol=1 / 31, atol=1e-4)
    assert (found.histogram.sum(axis=1) == 300).all() and found.edges.shape == (found.histogram.shape[1] + 1,)
    for number, name in enumerate(run.classes):
        assert np.allclose(found.class_means[:, number], maxima[labels == name].mean(axis=0), atol=1e-4)


def test_percentiles_are_those_of_the_maxima(run, maps):
    maxima = maps.max(axis=(1, 2))[:, 5]
    for value in np.quantile(maxima, [0.05, 0.3, 0.5, 0.9, 0.99]):
        assert run.percentile("block3_conv1:5", value) == pytest.approx(100 * (maxima < value).mean(), abs=3)
    assert run.percentile("block3_conv1:5", -1.0) == 0.0 and run.percentile("block3_conv1:5", 1e6) == 100.0


def test_pictures_are_what_entered_the_network(run):
    from convscope.images import as_batch
    from convscope.network.entering import fit_of

    entered = as_batch(IMAGES, fit_of(convscope.load("fashion")))
    for image in (0, 7, 299):
        assert np.array_equal(run.picture(image), entered.pixels[image])
    assert run.name(7) == entered.names[7] and run.prediction(7) in run.classes


def test_features_are_the_layers_output(run):
    expected = convscope.activations("fashion", "dense1", "sample:fashion[0-9]").maps
    assert run.manifest["feature_layer"] == "dense1" and run.features.shape == (300, 128)
    assert np.allclose(run.features[:10], expected, atol=1e-4)
    with pytest.raises(ValueError, match="read-only"):
        run.features[0] = 0


def test_the_tables_need_no_convscope(run):
    images, units, top, skipped = (table(run, name) for name in ("images", "units", "top", "skipped"))
    columns = {"image", "name", "label", "digest", "prediction", "probability", "sample_row"}
    assert images["image"] == images["sample_row"] == list(range(300)) and set(images) == columns
    assert len(units["layer"]) == sum(one["channels"] for one in run.manifest["layers"])
    assert set(top) == {"layer", "channel", "rank", "image", "row", "column", "value", "before", "top", "left", "bottom", "right"}
    assert not skipped["image"] and set(skipped) == {"image", "name", "reason", "kind"}
    row = next(i for i in range(len(top["layer"])) if (top["layer"][i], top["channel"][i], top["rank"][i]) == ("dense1", 7, 0))
    assert top["image"][row] == run.top("dense1", [7]).images[0, 0] and top["row"][row] == -1
    assert [top[side][row] for side in ("top", "left", "bottom", "right")] == [0, 0, 28, 28]


def test_the_model_is_loaded_again_from_what_the_run_says(run):
    assert run.load_model().digest == run.manifest["model"]["digest"] == run.model["digest"]


def changed_manifest(run, tmp_path, **entries):
    content = {name: value for name, value in run.manifest.items() if name != "checksum"}
    (tmp_path / "manifest.json").write_bytes(sealed(content | entries))
    return tmp_path


def test_newer_major_schemas_are_refused_and_unknown_entries_ignored(run, tmp_path):
    assert convscope.open_run(changed_manifest(run, tmp_path, schema="2.7", novelty={"a": 1})).count == 300
    with pytest.raises(ReplayError, match="newer convscope \\(schema 3.0\\)"):
        convscope.open_run(changed_manifest(run, tmp_path, schema="3.0"))


@pytest.mark.parametrize("text", ["{", "[]", '{"schema": "one"}', '{"schema": "1.0"}'])
def test_a_damaged_manifest_is_said(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ReplayError, match="is damaged"):
        convscope.open_run(tmp_path)


def test_a_folder_without_a_run_is_said(tmp_path):
    with pytest.raises(ReplayError, match="is not a run"):
        convscope.open_run(tmp_path / "none")


def test_what_is_not_there_is_said(run):
    with pytest.raises(UnitError, match="was not measured.*Closest of its layers: block"):
        run.top("block9_conv1")
    with pytest.raises(UnitError, match="128 channels, 0 to 127; received 128"):
        run.top("block3_conv1", [128])
    with pytest.raises(UnitError, match="is not one unit"):
        run.percentile("block3_conv1", 1.0)
    with pytest.raises(ImageError, match="no image 300"):
        run.name(300)


def colours(folder, names):
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (28, 28), 20 * number + 5).save(folder / name)


def test_pictures_that_cannot_be_read_are_skipped_and_listed_and_keep_their_ids(tmp_path):
    photos = tmp_path / "photos"
    colours(photos, ["a/1.png", "a/3.png", "b/4.png"])
    (photos / "a" / "2.png").write_bytes(b"no picture")
    run = convscope.scan("fashion", photos, out=tmp_path / "run", layers="dense1")
    assert len(run) == 3 and run.ids.tolist() == [0, 2, 3] and run.complete
    assert table(run, "skipped")["name"] == ["a/2.png"] and "not a readable image" in table(run, "skipped")["reason"][0]
    assert [run.name(image) for image in (0, 2, 3)] == ["a/1.png", "a/3.png", "b/4.png"] and run.label(3) == "b"
    assert run.picture(2)[0, 0, 0] == np.float32(25 / 255)
    with pytest.raises(ImageError, match="no image 1, or it could not be read"):
        run.picture(1)
    assert run.units("dense1").count.tolist() == [3] * 128 and run.manifest["class_counts"] == [2, 1]
    assert np.isnan(run.features[1]).all()


def test_added_pictures_come_after_those_that_are_known_whatever_their_names(tmp_path):
    photos = tmp_path / "photos"
    colours(photos, ["b.png", "d.png"])
    convscope.scan("fashion", photos, out=tmp_path / "run", layers="dense1")
    colours(photos, ["b.png", "d.png", "a.png", "c.png"])
    run = convscope.scan("fashion", photos, out=tmp_path / "run", layers="dense1")
    assert [run.name(image) for image in range(4)] == ["b.png", "d.png", "a.png", "c.png"]
    assert run.picture(2)[0, 0, 0] == np.float32(45 / 255)


def test_a_picture_that_changed_or_is_gone_is_said(tmp_path):
    photos = tmp_path / "photos"
    colours(photos, ["a.png", "b.png", "c.png"])
    convscope.scan("fashion", photos, out=tmp_path / "run", layers="dense1")
    Image.new("L", (28, 28), 200).save(photos / "a.png")
    (photos / "b.png").unlink()
    run = convscope.open_run(tmp_path / "run", allow=photos)
    with pytest.raises(ImageError, match=r"`a.png` has changed since it was scanned"):
        run.picture(0)
    with pytest.raises(ImageError, match=r"`b.png` is gone"):
        run.picture(1)
    assert run.picture(2).shape == (28, 28, 1)


def test_arrays_in_memory_have_pictures_only_where_they_are_given(tmp_path):
    arrays = (np.arange(2 * 28 * 28) % 255).astype(np.uint8).reshape(2, 28, 28, 1)
    run = convscope.scan("fashion", arrays, out=tmp_path / "run", layers="dense1")
    assert run.picture(1).shape == (28, 28, 1)
    later = convscope.open_run(tmp_path / "run")
    assert later.top("dense1").images.shape == (128, 9) and (later.top("dense1").images[:, 2:] == -1).all()
    with pytest.raises(ImageError, match="arrays in memory"):
        later.picture(1)
    assert np.array_equal(convscope.open_run(tmp_path / "run", images=arrays).picture(1), run.picture(1))


def test_nothing_readable_is_an_error(tmp_path):
    (tmp_path / "photos").mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / "photos" / name).write_bytes(b"no")
    with pytest.raises(ImageError, match="None of the 2 images could be read"):
        convscope.scan("fashion", tmp_path / "photos", out=tmp_path / "run")
