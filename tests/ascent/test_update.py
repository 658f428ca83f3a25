"""The rules of the climb against loops."""

import numpy as np
import pytest

from convscope.ascent.update import adam, of_number, of_picture, of_ring, plain
from networks import array, tensor
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
