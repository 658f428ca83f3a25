"""What `ascend` promises of its pictures and scores, and that watching it changes nothing."""

import numpy as np
import pytest
from PIL import Image

import convscope
from convscope.backend import keras
from convscope.errors import OptionError
from convscope.models import PREPROCESSINGS
from networks import array, awake, filled, model_of, small, tensor
from twins import relative_error

WATCHED = {"steps": 5, "size": 16, "precision": "float32"}


@pytest.fixture(scope="module")
def bundle():
    return convscope.load(awake(small(side=16)), preprocess="unit")


@pytest.mark.parametrize("mode", ["best", "paper"])
def test_pictures_are_8_bit_in_range_and_repeat_byte_for_byte(bundle, mode):
    first, second = (convscope.ascend(bundle, "conv2:0-2", mode=mode, steps=5, size=16, precision="float32") for _ in range(2))
    assert first.images.shape == (3, 16, 16, 3)
    assert first.images.min() >= 0
    assert first.images.max() <= 1
    assert np.abs(first.images * 255 - np.round(first.images * 255)).max() < 1e-4
    assert first.images.tobytes() == second.images.tobytes()
    other = convscope.ascend(bundle, "conv2:0-2", mode=mode, steps=5, size=16, seed=1, precision="float32")
    assert first.images.tobytes() != other.images.tobytes()


@pytest.mark.parametrize("units", ["conv2:all", "predictions:all"])
def test_a_unit_alone_is_the_unit_among_others(bundle, units):
    many = convscope.ascend(bundle, units, steps=6, precision="float32")
    alone = convscope.ascend(bundle, str(many.units[2]), steps=6, precision="float32")
    assert np.abs(many.images[2] - alone.images[0]).max() <= 1.5 / 255


def test_climbing_climbs(bundle):
    for units in ("conv1:all", "conv2:all", "predictions:all"):
        course = convscope.ascend(bundle, units, steps=40, size=16, precision="float32").courses
        for one in course.T:
            climbed = one[np.isfinite(one)]
            assert climbed[-5:].mean() > climbed[:5].mean()


def test_scores_are_the_networks_values_on_the_pictures(bundle):
    found = convscope.ascend(bundle, "conv1:0-3", steps=5, size=16, precision="float32")
    layer = bundle.network.get_layer("conv1")
    values = array(layer(tensor(found.images)))
    assert relative_error(found.scores, [values[i, ..., i].max() for i in range(4)]) < 1e-5


def test_a_filter_that_is_silent_on_grey_still_wakes():
    model = model_of(keras.layers.Conv2D(2, 3, activation="relu", name="conv"), shape=(24, 24, 1))
    edge = np.array([[-1, 0, 1]] * 3, dtype="float32")[:, :, None, None]
    model.get_layer("conv").set_weights([np.concatenate([edge, -edge], axis=3), np.full(2, -0.5, "float32")])
    found = convscope.ascend(convscope.load(model, preprocess="unit"), "conv:0-1", steps=40, precision="float32")
    assert found.scores.min() > 0.3
    assert found.images.std(axis=(1, 2, 3)).min() > 0.05


def test_the_network_is_left_alone():
    model = filled(small(side=16))
    before = [array(variable.value).copy() for variable in model.variables]
    convscope.ascend(convscope.load(model), "conv2:0", steps=3)
    assert all(np.array_equal(one, array(variable.value)) for one, variable in zip(before, model.variables, strict=True))


@pytest.mark.parametrize("wrong", [{"mode": "fast"}, {"seed": -1}, {"steps": 0}, {"size": 4}, {"precision": "float8"}])
def test_options_that_make_no_sense_are_refused(bundle, wrong):
    with pytest.raises(OptionError):
        convscope.ascend(bundle, "conv1:0", **wrong)


@pytest.mark.parametrize("recipe", PREPROCESSINGS)
def test_every_preprocessing_lets_the_gradient_through(recipe):
    found = convscope.ascend(convscope.load(awake(small(side=16)), preprocess=recipe), "conv1:0-1", steps=2, size=16, precision="float32")
    assert np.isfinite(found.courses[:2]).all()


def test_frames_are_the_start_every_nth_step_and_the_end(bundle):
    found = convscope.ascend(bundle, "conv2:0-1", every=2, **WATCHED)
    assert [len(frames) for frames in found.frames] == [4, 4]  # after 0, 2, 4 and 5 steps
    for frames, image in zip(found.frames, found.images, strict=True):
        assert np.array_equal(frames[-1], np.round(image * 255).astype("uint8"))
    shorter = convscope.ascend(bundle, "conv2:0-1", **WATCHED | {"steps": 2})
    assert np.array_equal(found.frames[1][1], np.round(shorter.images[1] * 255).astype("uint8"))


def test_keeping_frames_does_not_change_the_picture(bundle):
    kept = convscope.ascend(bundle, "conv1:0-1", every=1, **WATCHED)
    plain = convscope.ascend(bundle, "conv1:0-1", **WATCHED)
    assert plain.frames == ()
    assert kept.images.tobytes() == plain.images.tobytes()


def test_who_watches_is_told_of_each_step_and_sees_the_pictures(bundle):
    seen = []
    found = convscope.ascend(bundle, "conv1:1", watch=lambda stage: seen.append((stage.step, stage.steps, stage.pictures())), **WATCHED)
    assert [(step, steps) for step, steps, _ in seen] == [(step, 5) for step in range(1, 6)]
    assert np.array_equal(seen[-1][2], found.images)
    assert not np.array_equal(seen[0][2], found.images)


def test_an_interrupt_while_watching_keeps_what_was_reached(bundle):
    def watch(stage):
        if stage.step == 3:
            raise KeyboardInterrupt

    found = convscope.ascend(bundle, "conv1:1", watch=watch, **WATCHED)
    assert found.interrupted
    assert (found.provenance.parameters["steps"], found.provenance.parameters["stop"]) == (5, 3)
    assert np.array_equal(found.images, convscope.ascend(bundle, "conv1:1", **WATCHED | {"steps": 3}).images)


def test_the_course_is_written_as_an_animation_that_ends_in_the_picture(bundle, tmp_path):
    found = convscope.ascend(bundle, "conv2:0-1", every=2, **WATCHED)
    written = found.save(tmp_path / "one.png") + found.save(tmp_path / "all")
    assert tmp_path / "all" / "conv2-1.gif" in written
    with Image.open(tmp_path / "all" / "conv2-1.gif") as course:
        assert (course.n_frames, course.info["loop"]) == (4, 0)
        course.seek(3)
        last = np.asarray(course.convert("RGB"), dtype=float)
    whole = Image.fromarray(np.round(found.images[1] * 255).astype("uint8")).resize((256, 256), Image.Resampling.BICUBIC)
    assert relative_error(last, np.asarray(whole, dtype=float)) < 0.2  # 256 colours


def test_a_single_picture_has_its_course_beside_it(bundle, tmp_path):
    written = convscope.ascend(bundle, "conv2:0", every=2, **WATCHED).save(tmp_path / "one.png")
    assert {path.name for path in written} == {"one.png", "one.json", "one.gif"}


def test_a_job_writes_the_courses_and_misses_those_that_are_not_there(bundle, tmp_path):
    job = convscope.ascend_all(bundle, layers="conv2", every=2, **WATCHED)
    job.save(tmp_path)
    course = tmp_path / "conv2-3.gif"
    before = course.read_bytes()
    course.unlink()
    assert [part.new for part in job.written(tmp_path)] == [True, True]
    assert course.read_bytes() == before


def test_no_step_in_between_is_refused(bundle):
    with pytest.raises(OptionError, match="`every` is 0"):
        convscope.ascend(bundle, "conv1:0", every=0)
