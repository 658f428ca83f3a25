"""Climbs of many: what is tried in turn, when they end, what is dead, several pictures of one, real images, start images."""

import numpy as np
import pytest
from PIL import Image

import convscope
from convscope.ascent import IMAGES, Attempt, fourier, peak_measure, pixels, run, signed
from convscope.ascent.objective import likeness
from convscope.backend import keras
from convscope.errors import ImageError, OptionError, UnitError
from convscope.formats.picture import read_pixels
from convscope.network.network import as_network
from convscope.network.targets import as_targets
from convscope.replaying import replay, same_bytes
from networks import array, awake, images, model_of, small, tensor
from twins import relative_error

SMALL = {"size": 16, "precision": "float32"}
QUICK = SMALL | {"steps": 4}


@pytest.fixture(scope="module")
def bundle():
    return convscope.load(awake(small(side=16)), preprocess="unit")


def one_filter(kernel, bias, activation="relu", shape=(24, 24)):
    """Return a network of one convolution with this kernel, (height, width, channel), and bias."""
    kernel = np.asarray(kernel, dtype="float32")
    layer = keras.layers.Conv2D(1, kernel.shape[:2], activation=activation, name="conv")
    model = model_of(layer, shape=(*shape, kernel.shape[2]))
    layer.set_weights([kernel[..., None], np.array([bias], dtype="float32")])
    return convscope.load(model, preprocess="unit")


def test_t13_ascent_of_a_linear_unit_on_the_sphere_ends_at_its_weights(record_error):
    kernel = np.random.default_rng(0).normal(size=(8, 8, 3))
    found = convscope.ascend(one_filter(kernel, 0.0, None, shape=(8, 8)), "conv:0", mode="paper", norm=1.0, size=8, precision="float32")
    away = found.images[0].astype("float64") - 0.5
    assert np.linalg.norm(away) == pytest.approx(1.0, abs=0.02)  # 8 bits
    cosine = (away * kernel).sum() / np.linalg.norm(away) / np.linalg.norm(kernel)
    record_error("T13 1 - cosine", 1 - cosine)
    assert cosine > 0.99


def test_t14_the_score_is_the_networks_value_on_the_saved_picture(bundle, tmp_path, record_error):
    found = convscope.ascend(bundle, "conv2:0-2", **QUICK)
    found.save(tmp_path)
    for place, unit in enumerate(found.units):
        picture = read_pixels(tmp_path / f"{unit.slug}.png")
        maps = convscope.activations(bundle, "conv2", picture[None]).maps
        assert record_error("T14", relative_error(found.scores[place], maps[0, ..., unit.channel].max())) < 1e-5


@pytest.mark.long
def test_without_steps_each_picture_ends_by_itself(bundle, monkeypatch):
    monkeypatch.setattr(run, "WORTH", 0.5)
    many = convscope.ascend(bundle, "conv2:all", **SMALL)
    lengths = np.isfinite(many.courses).sum(axis=0)
    assert len(set(lengths.tolist())) > 1
    for place in (lengths.argmin(), lengths.argmax()):
        alone = convscope.ascend(bundle, str(many.units[place]), **SMALL)
        assert len(alone.courses) == lengths[place]
        assert np.abs(alone.images[0] - many.images[place]).max() <= 1.5 / 255
    assert many.provenance.parameters["steps"] is None


def test_what_the_canvas_does_not_wake_its_strongest_place_does():
    """A bright spot in the dark beyond what calm contrasts reach: the score is positive only for a nearly white pixel among black ones."""
    kernel = np.full((3, 3, 1), -1.0)
    kernel[1, 1] = 8.0
    awake = convscope.ascend(one_filter(kernel, -7.0), "conv:0", steps=40, precision="float32")
    assert awake.scores[0] > 0
    assert not awake.dead[0]


@pytest.mark.long
def test_a_unit_that_nothing_can_excite_is_dead_and_the_note_says_what_was_tried(tmp_path):
    found = convscope.ascend(
        one_filter(np.ones((3, 3, 1)), -10.0), "conv:0", steps=3, size=16, precision="float32", real=images(2, 24, 24, 1)
    )
    assert found.scores.tolist() == [0.0]
    assert found.dead.tolist() == [True]
    assert found.summary()["pictures"][0]["dead"] is True
    said = " ".join(found.notes)
    assert all(words in said for words in ('"dead"', "strongest position", "real patch", "plain pixels from strong noise"))


def test_a_real_patch_wakes_what_noise_does_not():
    """A unit that answers to one 6 x 6 pattern alone, by a product of its halves: far from it there is no gradient."""
    pattern = np.random.default_rng(0).integers(0, 2, (6, 6, 1)).astype("float32")
    photo = np.full((1, 24, 24, 1), 0.5, dtype="float32")
    photo[0, 9:15, 5:11] = pattern
    kernel = 2 * pattern - 1
    near = one_filter(kernel, 0.01 - float(pattern.sum()))
    found = convscope.ascend(near, "conv:0", steps=2, size=16, precision="float32", real=photo)
    assert found.real.tolist() == pytest.approx([0.01], abs=1e-4)
    assert found.scores[0] > 0


def test_real_images_give_the_largest_activation_among_them(bundle):
    pictures = images(5, 16, 16, 3)
    found = convscope.ascend(bundle, ["conv2:0-4", "conv1:1", "conv1:0 + conv1:1"], real=pictures, **QUICK)
    for layer in ("conv1", "conv2"):
        maps = convscope.activations(bundle, layer, pictures).maps
        mine = [place for place, unit in enumerate(found.units) if str(unit).startswith(f"{layer}:") and "+" not in str(unit)]
        expected = [maps[..., found.units[place].channel].max() for place in mine]
        assert relative_error(found.real[mine], expected) < 1e-5
    assert np.isnan(found.real[-1])
    assert found.summary()["pictures"][-1]["real"] is None


@pytest.mark.long
def test_several_pictures_of_a_unit_are_pushed_apart(tmp_path):
    bundle = convscope.load(small(side=16), preprocess="unit")  # without large biases, which make all Gram matrices alike
    settings = {"steps": 30, "size": 16, "precision": "float32"}
    apart = convscope.ascend(bundle, "conv2:0-1", diversity=3, **settings)
    assert [unit.channel for unit in apart.units] == [0, 0, 0, 1, 1, 1]
    seeds = [convscope.ascend(bundle, "conv2:0-1", seed=seed, **settings).images for seed in range(3)]
    alike = {}
    for name, stack in (("apart", apart.images), ("seeds", np.stack(seeds, axis=1).reshape(6, 16, 16, 3))):
        maps = convscope.activations(bundle, "conv2", stack).maps
        alike[name] = array(likeness(tensor(maps), 3)).mean()
    assert alike["apart"] < alike["seeds"]
    names = {path.name for path in apart.save(tmp_path)}
    assert {"conv2-0.png", "conv2-0-2.png", "conv2-0-3.png", "conv2-1-3.png"} <= names
    assert same_bytes(replay_of(bundle, apart), tmp_path / "conv2-0-2.png")


def replay_of(bundle, found):
    parameters = dict(found.provenance.parameters)
    return convscope.ascend(bundle, parameters.pop("units"), **parameters)


def test_pictures_come_back_from_their_numbers():
    picture = np.moveaxis(images(1, 9, 12, 3)[0], -1, 0)
    for image in (fourier(deviation=0.0, contrast=None)(9, 12, 3), pixels()(9, 12, 3)):
        back = array(image.pictures(tensor(image.numbers_of(picture)[None])))[0]
        assert np.abs(back - picture).max() < 1 / 255 + 1e-3


def test_a_photograph_to_start_from_keeps_its_shape_and_a_layer_may_be_dreamt(bundle, tmp_path):
    model = model_of(keras.layers.Conv2D(4, 3, activation="relu", name="conv"), shape=(None, None, 3))
    free = convscope.load(awake(model), preprocess="unit")
    path = tmp_path / "photo.png"
    Image.fromarray((images(1, 30, 44, 3)[0] * 255).astype("uint8")).save(path)
    still, moved = (convscope.ascend(free, "conv", start=path, steps=steps, precision="float32") for steps in (1, 12))
    assert moved.images.shape == (1, 30, 44, 3)
    photo = read_pixels(path)
    assert np.abs(still.images[0] - photo).mean() < np.abs(moved.images[0] - photo).mean() < 0.3
    assert moved.courses[-1, 0] > moved.courses[0, 0]
    smaller = convscope.ascend(free, "conv:0", start=path, size=22, steps=1, precision="float32")
    assert smaller.images.shape == (1, 15, 22, 3)
    with pytest.raises(ImageError, match="one image"):
        convscope.ascend(free, "conv", start=[path, path])
    with pytest.raises(UnitError, match='add `start="PHOTO"`'):
        convscope.ascend(free, "conv")


def test_what_was_given_is_recorded_and_makes_the_picture_again(tmp_path):
    awake(small(side=16)).save(tmp_path / "small.keras")
    for name, seed in (("one.png", 0), ("two.png", 1)):
        Image.fromarray((images(1, 20, 16, 3, seed=seed)[0] * 255).astype("uint8")).save(tmp_path / name)
    bundle = convscope.load(tmp_path / "small.keras", preprocess="unit")
    for number, settings in enumerate(({"start": tmp_path / "one.png"}, {"real": [tmp_path / "one.png", tmp_path / "two.png"]})):
        found = convscope.ascend(bundle, "conv2:0", **QUICK | {"size": None}, **settings)
        target = tmp_path / f"again-{number}.png"
        found.save(target)
        assert same_bytes(replay(target), target)


@pytest.mark.parametrize(
    "wrong",
    [
        {"image": "jpeg"},
        {"diversity": 0},
        {"norm": 1.0},
        {"mode": "paper", "norm": 0.0},
        {"mode": "paper", "diversity": 2},
        {"image": "maco", "start": "sample:cat"},
        {"spectrum": "sample:cat"},
    ],
)
def test_settings_that_contradict_each_other_are_refused(bundle, wrong):
    with pytest.raises(OptionError):
        convscope.ascend(bundle, "conv1:0", **wrong)


def test_ctrl_c_while_waking_keeps_the_first_picture():
    def watch(stage):
        if stage.step == 2 and stage.steps != 3:
            raise KeyboardInterrupt

    found = convscope.ascend(one_filter(np.ones((3, 3, 1)), -10.0), "conv:0", steps=3, size=16, precision="float32", watch=watch)
    assert found.interrupted
    assert found.images.shape == (1, 16, 16, 1)


@pytest.fixture(scope="module")
def dead():
    """A filter that nothing excites."""
    model = model_of(keras.layers.Conv2D(1, 3, activation="relu", name="conv"), shape=(16, 16, 3))
    layer = model.get_layer("conv")
    layer.set_weights([layer.get_weights()[0] * 0 + 1, layer.get_weights()[1] * 0 - 100])
    return convscope.load(model, preprocess="unit")


def test_a_normalization_behind_a_dead_unit_is_named_because_it_may_lift_it():
    network = model_of(
        keras.layers.Conv2D(2, 3, use_bias=False, activation="relu", name="below"),
        keras.layers.Conv2D(2, 3, use_bias=False, name="conv"),
        keras.layers.BatchNormalization(name="lift"),
        keras.layers.ReLU(name="relu"),
    )
    conv, lift = network.get_layer("conv"), network.get_layer("lift")
    conv.kernel.assign(-abs(array(conv.kernel)))  # of what a ReLU let through: never above zero
    lift.beta.assign([5.0, 5.0])
    found = convscope.ascend(network, ["conv:1", "lift:1"], **SMALL)
    assert len([note for note in convscope.ascend(network, "conv:all", steps=2, **SMALL).notes if "`lift:0`" in note]) == 1  # of both
    assert found.dead.tolist() == [True, False]
    assert [note for note in found.notes if "`lift:1`" in note] and not [note for note in found.notes if "`lift:0`" in note]


def test_own_attempts_are_tried_in_turn_and_nothing_else(dead):
    own = [Attempt("mine", steps=2), Attempt("mine", pixels(deviation=0.3), "still", signed(0.1), 3, peak_measure)]  # of one name
    seen = []
    found = convscope.ascend(dead, "conv:0", attempts=own, watch=lambda stage: seen.append((stage.step, stage.steps)), **SMALL)
    assert seen == [(1, 2), (2, 2), (1, 3), (2, 3), (3, 3)]
    assert found.dead.tolist() == [True]
    assert any("Tried: mine; mine." in note for note in found.notes)


@pytest.mark.parametrize("part", [{"image": fourier(decay=2.0)}, {"transforms": "still"}, {"update": "signed"}, {"image": "pixels"}])
def test_where_a_part_is_replaced_nothing_else_is_tried(dead, part):
    seen = []
    found = convscope.ascend(dead, "conv:0", steps=2, watch=seen.append, **part, **SMALL)
    assert len(seen) == 2
    assert found.dead.tolist() == [True]


def test_one_part_replaced_leaves_the_others(bundle):
    targets = as_targets(as_network(bundle), "conv2:0")
    (standard, *_), replaced = (
        convscope.ascend_all(bundle, "conv2:0", steps=5, **own).climber.attempts(targets) for own in ({}, {"transforms": "still"})
    )
    assert len(replaced) == 1
    assert replaced[0].steps == standard.steps == 5
    assert replaced[0].transforms(64) == []
    assert len(standard.transforms(64)) == 3


@pytest.fixture
def named_image():
    image = IMAGES.register("calm waves", fourier(contrast=0.5))
    yield image
    IMAGES._entries.pop("calm waves")


@pytest.mark.long
def test_a_picture_of_named_parts_is_made_again_and_one_of_unnamed_parts_is_refused(named_image, tmp_path):
    awake(small(side=16)).save(tmp_path / "small.keras")
    bundle = convscope.load(tmp_path / "small.keras", preprocess="unit")
    named = convscope.ascend(bundle, "conv2:0", image=named_image, update="signed", steps=3, **SMALL)
    assert (named.provenance.parameters["image"], named.provenance.parameters["update"]) == ("calm waves", "signed")
    assert "transforms" not in named.provenance.parameters
    named.save(tmp_path / "named.png")
    assert same_bytes(replay(tmp_path / "named.png"), tmp_path / "named.png")
    for part in ({"image": fourier(contrast=0.5)}, {"transforms": []}, {"update": signed(0.2)}, {"attempts": [Attempt("mine", steps=2)]}):
        convscope.ascend(bundle, "conv2:0", steps=None if "attempts" in part else 2, **part, **SMALL).save(tmp_path / "own.png")
        with pytest.raises(OptionError, match="Python object without a name"):
            replay(tmp_path / "own.png")
