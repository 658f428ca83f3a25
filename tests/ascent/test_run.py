"""The lower storey: a run of parts by name or of one's own is what `ascend` does with the same parts."""

import numpy as np
import pytest

import convscope
from convscope.ascent import AscentRun, Parametrisation, Transform, Update, jitter
from convscope.ascent.run import WINDOW, _is_done
from convscope.backend import ops
from convscope.errors import ImageError, OptionError, UnitError
from networks import awake, small

STEPS = 4


@pytest.fixture(scope="module")
def bundle():
    return convscope.load(awake(small(side=16)), preprocess="unit")


def soft_pixels(height, width, channels):
    def initial(rng):
        return rng.normal(0.0, 0.1, (height * width, channels)).astype("float32")  # in a shape of their own

    def pictures(numbers):
        return ops.sigmoid(ops.transpose(ops.reshape(numbers, (-1, height, width, channels)), (0, 3, 1, 2)))

    return Parametrisation(initial, pictures)


OWN = {
    "image": soft_pixels,
    "transforms": [jitter(2), Transform(lambda pictures, light: pictures * light, lambda rng: rng.uniform(0.5, 1.0, (1, 1, 1)))],
    "update": Update(lambda numbers, gradient, moments, count: (numbers + 0.3 * ops.sign(gradient) / count, moments)),
}


@pytest.mark.parametrize("parts", [OWN, {"image": "pixels", "transforms": "still", "update": "signed"}])
def test_a_run_is_what_ascend_does_with_the_same_parts(bundle, parts):
    found = convscope.ascend(bundle, "conv2:0-2", steps=STEPS, size=16, precision="float32", seed=3, **parts)
    run = AscentRun.of(bundle, "conv2:0-2", size=16, precision="float32", seed=3, **parts)
    course = np.stack([np.asarray(ops.convert_to_numpy(run.step())) for _ in range(STEPS)])
    assert np.array_equal(run.pictures(), found.images)
    assert np.array_equal(course, found.courses)
    assert (course[-1] > course[0]).all()


def test_a_picture_of_own_parts_does_not_depend_on_its_neighbours(bundle):
    many, alone = (convscope.ascend(bundle, units, steps=STEPS, size=16, precision="float32", **OWN) for units in ("conv2:0-2", "conv2:2"))
    assert np.abs(many.images[2] - alone.images[0]).max() <= 1.5 / 255


def test_units_of_several_forms_are_several_runs(bundle):
    with pytest.raises(OptionError, match="2 different steps"):
        AscentRun.of(bundle, ["conv1:0", "conv2:0"])


def grey(pictures):
    return lambda height, width, channels: Parametrisation(lambda rng: np.zeros((channels, height, width), "float32"), pictures)


@pytest.mark.parametrize(
    ("wrong", "fact"),
    [
        ({"image": "jpeg"}, "No image parametrisation `jpeg`"),
        ({"image": 3}, "`image` is 3"),
        ({"image": ["fourier"]}, "`image` is list"),
        ({"image": grey(lambda numbers: ops.sum(numbers, axis=1))}, r"`image` returned an array of shape .* Return \(picture, 3, 16, 16\)"),
        ({"image": grey(lambda numbers: numbers - 1.0)}, "values from -1"),
        ({"image": lambda height, width, channels: None}, "`image` returned NoneType"),
        ({"transforms": [Transform(lambda pictures: pictures[:, :, :8])]}, r"`transforms` returned an array of shape"),
        ({"transforms": [Transform(lambda pictures: pictures.nothing)]}, "A function of `transforms` failed: AttributeError"),
        ({"update": Update(lambda numbers, gradient, moments, count: (ops.mean(numbers), moments))}, "`update` returned an array of shape"),
        ({"transforms": "wild"}, "No transform list `wild`"),
        ({"transforms": 8}, "`transforms` is 8"),
        ({"transforms": jitter(2)}, "a list such as"),
        ({"update": "sgd"}, "No update `sgd`"),
        ({"update": lambda numbers, gradient: numbers}, "convscope.ascent.Update"),
        ({"attempts": []}, "`attempts` is"),
        ({"attempts": "mine"}, "No attempt list `mine`"),
        ({"mode": "paper", "update": "adam"}, "Leave them out"),
    ],
)
def test_what_is_not_a_part_is_refused(bundle, wrong, fact):
    with pytest.raises(OptionError, match=fact):
        convscope.ascend(bundle, "conv2:0", steps=None if "attempts" in wrong else 1, size=16, precision="float32", **wrong)


def test_an_image_that_cannot_start_from_a_picture_says_so(bundle):
    with pytest.raises(OptionError, match="numbers_of"):
        convscope.ascend(bundle, "conv2:0", start=np.zeros((1, 16, 16, 3), "float32"), steps=1, image=soft_pixels)


def test_a_canvas_too_small_is_refused(bundle):
    with pytest.raises((ImageError, UnitError, OptionError)):
        AscentRun.of(bundle, "conv2:0", size=4)


def test_a_picture_is_done_when_it_gains_little_and_not_before():
    rising, level = np.arange(2.0 * WINDOW), np.full(WINDOW, float(WINDOW))
    flattened = np.concatenate([np.arange(WINDOW), level])
    course = np.stack([rising, flattened, np.minimum(rising, 1.0)], axis=1)
    assert _is_done(list(course)).tolist() == [False, False, True]
    assert _is_done(list(np.concatenate([flattened, level])[:, None])).tolist() == [True]
    assert not _is_done(list(course[: 2 * WINDOW - 1])).any()
