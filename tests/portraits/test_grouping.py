"""Points fall into as many groups as there are, and a cloud into none."""

import numpy as np
import pytest

from convscope.portraits.grouping import groups_of

pytestmark = pytest.mark.once


def cloud(rng, count, centre):
    return rng.normal(size=(count, 30)) * np.linspace(0.3, 0.02, 30) + centre


def test_two_groups_are_found_and_the_larger_is_the_first():
    rng = np.random.default_rng(0)
    points = np.concatenate([cloud(rng, 30, np.eye(30)[1] * 2), cloud(rng, 60, np.eye(30)[0] * 2)])
    found = groups_of(points)
    assert found.groups.tolist() == [1] * 30 + [0] * 60 and found.silhouette > found.chance > 0


def test_how_large_a_point_is_makes_no_group():
    rng = np.random.default_rng(1)
    points = cloud(rng, 90, np.eye(30)[0] * 3) * np.repeat([1.0, 100.0], 45)[:, None]
    assert set(groups_of(points).groups.tolist()) == {0}


@pytest.mark.parametrize("seed", range(4))
def test_a_cloud_is_one_group(seed):
    rng = np.random.default_rng(seed)
    assert set(groups_of(cloud(rng, 100, np.eye(30)[0])).groups.tolist()) == {0}


def test_few_or_equal_points_are_one_group():
    assert groups_of(np.ones((50, 3))).groups.tolist() == [0] * 50
    assert groups_of(np.eye(4)).groups.tolist() == [0] * 4
