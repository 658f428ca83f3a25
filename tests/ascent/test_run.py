"""The lower storey: a run of parts by name or of one's own is what `ascend` does with the same parts."""

import numpy as np
import pytest

import convscope
from convscope.ascent import AscentRun, Parametrisation, Transform, Update, jitter
from convscope.ascent.objective import weights_of
from convscope.ascent.run import WINDOW, _is_done, rng_of
from convscope.backend import ops
from convscope.errors import ImageError, OptionError, UnitError
from convscope.network.network import as_network
from convscope.network.targets import as_targets
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
    assert _is_done(course).tolist() == [False, False, True]
    assert _is_done(np.concatenate([flattened, level])[:, None]).tolist() == [True]
    assert not _is_done(course[: 2 * WINDOW - 1]).any()


@pytest.mark.parametrize("update", ["adam", Update(lambda numbers, gradient, moments, count: (numbers + gradient, moments))])
def test_pictures_that_are_held_leave_the_batch_and_stay_as_they_are(bundle, update):
    def run(shrinks):
        """Return what is left of three pictures whose second was held after four of eight steps, and the pictures then and at the end."""
        found = AscentRun.of(bundle, "conv2:0-2", size=16, precision="float32", update=update)
        found._step.shrinks = shrinks
        for _ in range(STEPS):
            found.step()
        assert found.hold(np.array([False, True, False]))
        before = found.pictures()
        course = np.array([ops.convert_to_numpy(found.step())[[0, -1]] for _ in range(STEPS)])
        return found.rows.tolist(), before, found.pictures(), course

    (left, *fewer), (all_of_them, *whole) = run(shrinks=True), run(shrinks=False)
    assert (left, all_of_them) == ([0, 2], [0, 1, 2])
    for before, after, _ in (fewer, whole):
        assert np.array_equal(before[1], after[1]) and not np.array_equal(before[[0, 2]], after[[0, 2]])
    assert np.abs(fewer[1] - whole[1]).max() <= 1.5 / 255  # batches of other sizes are added up in another order
    assert np.allclose(fewer[2], whole[2], rtol=1e-3)


def test_copies_that_are_compared_leave_the_batch_together(bundle):
    step, network = AscentRun.of(bundle, "conv2:0-1", size=16)._step, as_network(bundle)
    step.shrinks = True
    pair = [target for target in as_targets(network, "conv2:0-1") for _ in range(2)]
    copied = AscentRun(step, weights_of(network.graph, pair), [rng_of(one, 0, number % 2) for number, one in enumerate(pair)], copies=2)
    copied.hold(np.array([True, False, False, False]))
    assert copied.rows.tolist() == [0, 1, 2, 3]
    copied.step(), copied.hold(np.array([True, True, False, False]))
    assert copied.rows.tolist() == [2, 3] and ops.convert_to_numpy(copied.step()).shape == (2,)


@pytest.mark.parametrize(
    "moments",
    [
        lambda numbers: [ops.ones(())],
        lambda numbers: [ops.ones((2, 1, 1))],  # as long as the batch, and yet no row for each picture
        lambda numbers: [0.3],
        lambda numbers: {"rate": ops.zeros_like(numbers)},
    ],
    ids=["number", "channels", "float", "dictionary"],
)
def test_a_batch_stays_whole_where_an_update_remembers_no_rows(bundle, moments):
    update = Update(lambda numbers, gradient, moments, count: (numbers + gradient, moments), moments)
    own = AscentRun.of(bundle, "conv2:0-1", size=16, update=update)
    own._step.shrinks = True
    own.hold(np.array([True, False]))
    assert own.rows.tolist() == [0, 1]
    assert not own.hold(np.array([False, True]))


def test_a_batch_stays_whole_where_a_function_may_read_its_size(bundle):
    own = convscope.objective("conv2", lambda maps: ops.stack([ops.mean(maps[number]) for number in range(maps.shape[0])]))
    assert not AscentRun.of(bundle, own, size=16)._step.shrinks
