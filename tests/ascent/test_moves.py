"""Moves as matrices: whole pixels are np.roll, anything else is linear interpolation on an endless picture. Updates equal loops."""

import numpy as np
import pytest

from convscope.ascent.moves import (
    Pipeline,
    Transform,
    View,
    adam,
    as_transforms,
    jitter,
    of_number,
    of_picture,
    of_ring,
    plain,
    sampling,
    zoom,
)
from networks import array, images, tensor
from twins import relative_error


def fixed(zoom, shift):
    return lambda view, rng: View(zoom, np.asarray(shift, dtype="float64"))


def moved(picture, transforms, seed=0):
    rows, columns = sampling(transforms, [np.random.default_rng(seed)], picture.shape)
    return rows[0, 0] @ picture @ columns[0, 0].T


def slow_bilinear(picture, zoom, shift):
    height, width = picture.shape
    found = np.zeros(picture.shape)
    for y in range(height):
        for x in range(width):
            row = (height - 1) / 2 + (y - (height - 1) / 2) / zoom + shift[0]
            column = (width - 1) / 2 + (x - (width - 1) / 2) / zoom + shift[1]
            for i in (int(np.floor(row)), int(np.floor(row)) + 1):
                for j in (int(np.floor(column)), int(np.floor(column)) + 1):
                    found[y, x] += (1 - abs(row - i)) * (1 - abs(column - j)) * picture[i % height, j % width]
    return found


@pytest.mark.parametrize(("zoom", "shift"), [(1.0, (0.25, -3.5)), (0.9, (2, 1)), (1.1, (-1.3, 0.7)), (3.0, (0, 0)), (0.4, (9, -9))])
def test_sampling_is_bilinear_interpolation_of_an_endless_picture(zoom, shift):
    picture = np.random.default_rng(1).uniform(size=(9, 12))
    assert np.abs(moved(picture, [fixed(zoom, shift)]) - slow_bilinear(picture, zoom, shift)).max() < 1e-5


@pytest.mark.parametrize("shift", [(0, 0), (2, -3), (-1, 0)])
def test_whole_pixels_roll(shift):
    picture = np.random.default_rng(1).uniform(size=(7, 8))
    assert np.array_equal(moved(picture, [fixed(1.0, shift)]), np.roll(picture, (-shift[0], -shift[1]), axis=(0, 1)))


def test_no_transform_leaves_the_picture():
    picture = np.random.default_rng(1).uniform(size=(7, 8))
    assert np.array_equal(moved(picture, []), picture)


def test_jitter_and_zoom_stay_in_their_bounds_and_reach_them():
    rng, start = np.random.default_rng(0), View(1.0, np.zeros(2))
    shifts = np.array([jitter(2)(start, rng).shift for _ in range(200)])
    zooms = np.log2([zoom(0.5, 2.0)(start, rng).zoom for _ in range(200)])
    assert set(shifts.ravel()) == {-2, -1, 0, 1, 2}
    assert -1 <= zooms.min() < -0.9
    assert 0.9 < zooms.max() <= 1
    assert abs(zooms.mean()) < 0.15


def test_a_picture_is_moved_alike_alone_and_among_others():
    moves = [jitter(4), zoom(0.9, 1.1), jitter(4)]
    together = sampling(moves, [np.random.default_rng(seed) for seed in range(3)], (8, 9))
    alone = sampling(moves, [np.random.default_rng(2)], (8, 9))
    for many, one in zip(together, alone, strict=True):
        assert np.array_equal(many[2], one[0])
        assert np.abs(many.sum(axis=-1) - 1).max() < 1e-6


def test_a_pipeline_applies_its_stages_in_order_and_draws_for_each_picture_alone():
    def light(rng):
        return rng.uniform(0.5, 1.0, (1, 1, 1))

    stages = [
        fixed(1.0, (1, 0)),
        fixed(1.0, (0, 2)),
        Transform(lambda pictures: 1 - pictures),
        jitter(2),
        Transform(lambda pictures, drawn: pictures * drawn, light),
    ]
    pictures, rngs = images(2, 3, 6, 8), [np.random.default_rng(seed) for seed in (5, 6)]
    pipeline = Pipeline(stages, (6, 8))
    found = array(pipeline.apply(tensor(pictures), pipeline.draw(rngs)))
    for picture, moved, seed in zip(pictures, found, (5, 6), strict=True):
        rng = np.random.default_rng(seed)
        shift = rng.integers(-2, 3, 2)
        expected = np.roll(1 - np.roll(picture, (0, -2), axis=(1, 2)), -shift, axis=(1, 2)) * light(rng)
        assert np.abs(moved - expected).max() < 1e-6


def test_transforms_are_a_name_a_list_one_or_a_function_of_the_side():
    own = Transform(lambda pictures: pictures)
    assert as_transforms("still")(64) == []
    assert as_transforms(own)(64) == as_transforms([own])(64) == as_transforms(lambda side: [own] * (side // 64))(64) == [own]


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
