"""Climbing: the update rules against loops, and what `ascend` promises of its pictures and scores."""

import numpy as np
import pytest

import convscope
from convscope.ascent.run import adam, of_number, of_picture, of_ring, plain
from convscope.backend import keras
from convscope.errors import OptionError
from convscope.models import PREPROCESSINGS
from networks import array, awake, filled, model_of, small, tensor
from twins import relative_error


def climbed(update, gradients, start, clock=1.0):
    numbers = tensor(start)
    moments = update.moments(numbers)
    for count, gradient in enumerate(gradients, 1):
        numbers, moments = update.apply(numbers, tensor(gradient), moments, tensor(np.float32(count)))
    return array(numbers)


def slow_adam(rate, gradients, start, alike, half):
    """Adam by loops; `alike(place)` names the numbers of a picture that share a second moment, `half` of which is the whole picture's."""
    numbers = start.astype("float64")
    places = list(np.ndindex(start.shape[1:]))
    for picture in range(len(start)):
        first, second = np.zeros(start.shape[1:]), dict.fromkeys(map(alike, places), 0.0)
        for count, gradient in enumerate(gradients, 1):
            first = 0.9 * first + 0.1 * gradient[picture]
            squares = gradient[picture].astype("float64") ** 2
            for group in second:
                together = [squares[place] for place in places if alike(place) == group]
                mean = sum(together) / len(together)
                second[group] = 0.999 * second[group] + 0.001 * (np.sqrt(mean * squares.mean()) if half else mean)
            for place in places:
                root = np.sqrt(second[alike(place)] / (1 - 0.999**count)) + 1e-8
                numbers[(picture, *place)] += rate * (first[place] / (1 - 0.9**count)) / root
    return numbers


def gradients(steps=6, shape=(2, 3, 4, 5)):
    rng = np.random.default_rng(0)
    return [(rng.normal(size=shape) * rng.uniform(0.1, 9)).astype("float32") for _ in range(steps)]


def ring(place):
    return round(np.hypot((place[1] + 1) // 2 / 4, (place[2] + 1) // 2 / 5) * 5)


@pytest.mark.parametrize(
    ("shared", "alike", "half"), [(of_picture, lambda place: 0, False), (of_ring, ring, True), (of_number, lambda place: place, False)]
)
def test_adam_equals_a_loop(shared, alike, half):
    steps = gradients()
    assert relative_error(climbed(adam(0.05, shared), steps, steps[0]), slow_adam(0.05, steps, steps[0], alike, half)) < 1e-4


def test_plain_moves_each_picture_by_its_rate():
    steps = gradients(1)
    moved = climbed(plain(0.01), steps, np.zeros_like(steps[0]))
    assert np.sqrt((moved**2).mean(axis=(1, 2, 3))) == pytest.approx([0.01, 0.01], rel=1e-4)


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
