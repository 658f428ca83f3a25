"""What a page is told, compared with what the library returns."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

import convscope
from convscope.errors import ModelError, UnitError
from convscope.look import answers, tops
from convscope.look.climbing import Climbing
from convscope.look.live import open_live
from convscope.look.sight import Sight
from convscope.network.network import as_network
from convscope.render.signals import signed_to_rgb

IMAGE = "sample:fashion[3]"
KINDS = {"u1": np.uint8, "i4": np.int32, "f4": np.float32}


def numbers(record):
    return np.frombuffer(base64.b64decode(record["data"]), KINDS[record["type"]])


def pixels(address):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGB"))


@pytest.fixture(scope="module")
def looked():
    return convscope.activations("fashion", "block2_conv2", "sample:fashion[3]")


def test_the_strongest_units_and_their_maps_are_those_of_activations(sight, looked):
    told = answers.image(sight, IMAGE)
    layer = told["layers"][1]
    assert layer["channels"] == [one["channel"] for one in looked.summary()["images"][0]["strongest"]][:8]
    maps = looked.maps[0][..., layer["channels"]]
    assert np.allclose(numbers(layer["values"]), maps.max(axis=(0, 1)), rtol=1e-5)
    tiles = numbers(layer["tiles"]).reshape(8, 14, 14)
    assert not layer["signed"] and np.abs(tiles.astype(int) - np.rint(255 * np.moveaxis(maps / maps.max(axis=(0, 1)), -1, 0))).max() <= 1
    assert (pixels(told["picture"])[..., 0] == np.rint(looked.images[0][..., 0] * 255)).all()


def test_predictions_are_the_networks_own(sight):
    bundle = convscope.load("fashion")
    batch = convscope.activations("fashion", "predictions", "sample:fashion[3]")
    told = answers.image(sight, IMAGE)["predictions"]
    order = np.argsort(-batch.maps[0])[:5]
    assert [one["name"] for one in told] == [bundle.label(int(one)) for one in order]
    assert (
        np.allclose([one["share"] for one in told], batch.maps[0][order], atol=1e-6) and [one["channel"] for one in told] == order.tolist()
    )


def test_a_wall_has_all_units_and_a_unit_its_whole_map(sight, looked):
    wall, unit = answers.wall(sight, IMAGE, "block2_conv2"), answers.unit(sight, [IMAGE], "block2_conv2:17")["shown"][0]
    maps = looked.maps[0]
    assert np.allclose(numbers(wall["values"]), maps.max(axis=(0, 1)), rtol=1e-5, atol=1e-6)
    assert np.allclose(numbers(wall["active"]), (maps > 0).mean(axis=(0, 1)))
    assert (np.diff(numbers(wall["values"])[numbers(wall["order"])]) <= 0).all()
    assert np.allclose(numbers(unit["map"]).reshape(14, 14), maps[..., 17], rtol=1e-5, atol=1e-6)
    assert unit["position"] == [int(one) for one in np.unravel_index(maps[..., 17].argmax(), (14, 14))]
    flat = answers.wall(sight, IMAGE, "predictions")
    assert (flat["width"], flat["height"]) == (1, 1) and numbers(flat["tiles"]).max() == 255


@pytest.mark.parametrize("way", ["switches", "spread", "guided", "gradient"])
def test_a_projection_is_that_of_deconv(sight, way):
    made = convscope.deconv("fashion", "block2_conv2:17", "sample:fashion[3]", view="projection", **answers.WAYS[way][1])
    (told,) = answers.projection(sight, [IMAGE], "block2_conv2:17", way)["shown"]
    assert told["position"] == made.positions[0, 0].tolist() and told["value"] == pytest.approx(float(made.values[0, 0]), rel=1e-5)
    assert told["field"] == made.fields[0, 0].tolist()
    drawn = pixels(told["picture"]).astype(int)
    assert np.abs(drawn - signed_to_rgb(made.windows.part(0, 0, told["part"]))).max() <= 1 and np.ptp(drawn) > 100


@pytest.mark.parametrize("address", ["block2_conv2:17", "block2_conv2:17@{},{}", "predictions:3"])
def test_what_is_compiled_ahead_projects_the_same(sight, address):
    address = address.format(*answers.unit(sight, [IMAGE], "block2_conv2:17")["shown"][0]["position"])
    (before,) = answers.projection(sight, [IMAGE], address, "guided")["shown"]
    assert answers.ahead(sight, [IMAGE], address, "guided") == {}
    assert {"parts", "down"} & {key[0] for key in sight.network.compiled.kept}
    (after,) = answers.projection(sight, [IMAGE], address, "guided")["shown"]
    assert after["position"] == before["position"] and after["value"] == pytest.approx(before["value"], rel=1e-4)
    assert np.abs(pixels(after["picture"]).astype(int) - pixels(before["picture"])).max() <= 1
    shared = as_network(sight.network.bundle)  # what is written comes from this one
    assert shared is not sight.network and shared.compiled.patience is None and not any("look" in key for key in shared.compiled.kept)


def test_a_projection_from_a_place_and_on_two_images_is_on_one_scale(sight):
    other = "sample:fashion[0]"
    told = answers.projection(sight, [IMAGE, other], "block2_conv2:17@5,6", "switches")["shown"]
    made = convscope.deconv("fashion", "block2_conv2:17@5,6", ["sample:fashion[3]", "sample:fashion[0]"], view="projection")
    assert [one["position"] for one in told] == [[5, 6], [5, 6]]
    assert [one["excited"] for one in told] == (made.seeds[:, 0] > 0).tolist()


def test_what_does_not_excite_the_unit_has_no_picture(sight):
    values = numbers(answers.wall(sight, IMAGE, "block3_conv1")["values"])
    silent = int(np.flatnonzero(values == 0)[0])
    (told,) = answers.projection(sight, [IMAGE], f"block3_conv1:{silent}", "switches")["shown"]
    assert told["excited"] is False and "picture" not in told


@pytest.mark.parametrize(
    "address", ["block2_conv2", "block2_conv2:64", "block2_conv2:0-3", "block2_conv2:1@99,0", "nothing:0", "block2_conv2:<b>", ":", ""]
)
def test_what_is_not_one_unit_is_said(sight, address):
    with pytest.raises(UnitError):
        answers.projection(sight, [IMAGE], address, "switches")


def test_a_run_tells_how_unusual_a_value_is_and_what_is_strongest(run_of_fashion):
    sight = Sight("fashion", ["sample:fashion[3]"], layers="block2_conv2,predictions", run=run_of_fashion)
    wall = answers.wall(sight, "sample:fashion[3]", "block2_conv2")
    above, peaks = numbers(wall["above"]), sight.seen("sample:fashion[3]").peaks["block2_conv2"]
    slow = [run_of_fashion.percentile(f"block2_conv2:{channel}", float(peaks[channel])) for channel in range(64)]
    assert np.allclose(above, np.array(slow) / 100, atol=1e-5, equal_nan=True)
    told, known = tops.tops(sight, "block2_conv2:17"), run_of_fashion.top("block2_conv2:17")
    assert [one["image"] for one in told["tops"]] == [f"run:{one}" for one in known.images[0][:9]]
    assert [one["value"] for one in told["tops"]] == pytest.approx(known.values[0][:9].tolist())
    assert answers.image(sight, told["tops"][0]["image"])["layers"][0]["channels"]
    assert np.allclose(
        numbers(answers.unit(sight, [told["tops"][0]["image"]], "block2_conv2:17")["shown"][0]["map"]).max(), known.values[0][0], rtol=1e-5
    )


@pytest.mark.once
def test_what_is_kept_of_images_is_bounded_however_many_one_looks_at(monkeypatch):
    monkeypatch.setattr("convscope.look.sight.ROOM", 2**20)
    sight = Sight("fashion", ["sample:fashion[0-19]"], layers="block1_conv2,predictions")
    first = sight.seen("sample:fashion[0]")
    assert sight.seen("sample:fashion[0]") is first
    for number in range(20):
        sight.seen(f"sample:fashion[{number}]")
        assert sight._shelf.taken <= 2**20
    assert sight.seen("sample:fashion[0]") is not first
    assert np.array_equal(sight.seen("sample:fashion[0]").peaks["block1_conv2"], first.peaks["block1_conv2"])


def test_small_pictures_say_what_cannot_be_read(sight):
    first, second = answers.thumbs(sight, [IMAGE, "nothing"])["pictures"]
    assert first["small"] and pixels(first["picture"]).shape == (28, 28, 3) and "picture" not in second and "No image" in second["title"]


@pytest.mark.long
@pytest.mark.once
def test_a_picture_that_climbs_is_that_of_ascend(sight):
    told = list(Climbing(sight).steps("block3_conv1:5"))
    made = convscope.ascend("fashion", "block3_conv1:5")
    assert [one["step"] for one in told[:-1]] == list(range(1, len(told))) and told[-1]["score"] == pytest.approx(
        float(made.scores[0]), rel=1e-4
    )
    assert np.abs(pixels(told[-1]["picture"])[..., 0] - np.rint(made.images[0][..., 0] * 255)).max() <= 1


@pytest.mark.once
def test_the_run_of_another_network_is_refused(run_of_fashion, tmp_path):
    with pytest.raises(ModelError, match="not the model of the run"):
        open_live("squeezenet", run=run_of_fashion.path, out=tmp_path)
    with pytest.raises(ModelError, match="preprocessing"):
        open_live(convscope.load("fashion", preprocess="symmetric"), run=run_of_fashion.path, out=tmp_path)
