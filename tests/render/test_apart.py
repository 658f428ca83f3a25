import numpy as np
import pytest

from convscope.render.apart import REACH, push_apart

pytestmark = pytest.mark.once


def covered(points, distance):
    """How many pairs are nearer than that, across and down, by a slow twin."""
    near = np.abs(points[:, None] - points[None]).max(axis=-1) < distance
    return (int(near.sum()) - len(points)) // 2


def test_points_part_where_there_is_room_and_stay_near_where_they_were():
    points = np.random.default_rng(0).normal(size=(300, 2)) * 100
    moved = push_apart(points, 12.0)
    assert covered(points, 10) > 100 and covered(moved, 10) < covered(points, 10) / 8
    assert np.linalg.norm(moved - points, axis=1).max() <= REACH * 12 + 1e-9
    assert (push_apart(points, 12.0) == moved).all()


def test_what_is_apart_already_stays():
    points = np.stack(np.meshgrid(np.arange(5.0), np.arange(4.0)), axis=-1).reshape(-1, 2) * 30
    assert np.abs(push_apart(points, 20.0) - points).max() <= 20 * 1e-3


@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_points_in_one_place_part_too(count):
    moved = push_apart(np.full((count, 2), 7.0), 5.0)
    assert moved.shape == (count, 2) and np.isfinite(moved).all() and covered(moved, 3.0) <= count // 3
