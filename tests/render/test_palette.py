import numpy as np
import pytest

from convscope.render.palette import LMS_TO_RGB, OKLAB_TO_LMS, class_colours
from convscope.render.theme import DARK, LIGHT

pytestmark = pytest.mark.once


def oklab(colour):
    encoded = np.array(colour) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear @ np.linalg.inv(LMS_TO_RGB).T) @ np.linalg.inv(OKLAB_TO_LMS).T


@pytest.mark.parametrize(("count", "least"), [(10, 0.07), (11, 0.12), (16, 0.1), (24, 0.09), (40, 0.06)])
@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_no_two_classes_are_near_twins(count, least, theme):
    places = np.array([oklab(one) for one in class_colours([str(index) for index in range(count)], theme).values()])
    apart = np.linalg.norm(places[:, None] - places[None], axis=-1)
    assert apart[~np.eye(count, dtype=bool)].min() > least
    assert np.abs(places[:, 0] - oklab(theme.page)[0]).min() > 0.1


def test_thousands_of_classes_have_colours():
    assert len(class_colours([str(index) for index in range(5000)], LIGHT)) == 5000
    assert len(set(class_colours([str(index) for index in range(1000)], LIGHT).values())) > 950
