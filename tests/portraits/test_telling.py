"""What the sample tells of classes and images, against explicit counts and scikit-learn."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from convscope.errors import ImageError
from convscope.portraits.telling import FEWEST, SampleClasses, excited, nearest, sample_classes, telling

pytestmark = pytest.mark.once


def of(values):
    """Return a run of one layer whose sample holds these values, (image, unit)."""
    values = np.asarray(values, np.float32)
    return SimpleNamespace(
        layers=("layer",),
        sample_images=np.arange(len(values)),
        channels=lambda layer: values.shape[1],
        sample=lambda layer, channels: values[:, channels],
    )


def test_classes_are_labels_in_the_order_of_the_run(run):
    found = sample_classes(run)
    assert found.is_labelled and found.names == run.classes and found.counts.sum() == 120
    assert [found.names[one] for one in found.classes[:5]] == [run.label(image) for image in range(5)]


def test_without_labels_they_are_predictions(run):
    bare = SimpleNamespace(sample_images=run.sample_images, label=lambda image: None, prediction=run.prediction, classes=())
    found = sample_classes(bare)
    assert not found.is_labelled and [found.names[one] for one in found.classes] == [run.prediction(image) for image in range(120)]


@pytest.mark.parametrize("layer", ["block1_conv1", "dense1", "predictions"])
def test_the_areas_are_those_of_scikit_learn(run, layer):
    classes, values = sample_classes(run), run.sample(layer)
    areas = telling(run, layer, classes)
    assert areas.shape == (len(classes.names), values.shape[1]) and np.isfinite(areas).all()
    for number in range(len(classes.names)):
        for channel in range(values.shape[1]):
            assert areas[number, channel] == pytest.approx(roc_auc_score(classes.classes == number, values[:, channel]), abs=1e-6)


def test_the_class_scores_tell_their_own_class(run):
    areas = telling(run, "predictions", sample_classes(run))
    assert (areas.argmax(axis=1) == np.arange(10)).sum() >= 8 and areas.max(axis=1).min() > 0.8


def test_ties_count_half_and_unknown_images_not_at_all():
    rng = np.random.default_rng(1)
    values = rng.integers(-2, 3, (80, 6)).astype(np.float32)
    values[:, 4], values[:, 5] = 0.0, np.where(np.arange(80) % 2, 0.0, -0.0)
    classes = rng.integers(-1, 3, 80)
    areas = telling(of(values), "layer", SampleClasses(("a", "b", "c"), classes, True))
    for number in range(3):
        ours, others = values[classes == number], values[(classes >= 0) & (classes != number)]
        pairs = (ours[:, None] > others).astype(float) + 0.5 * (ours[:, None] == others)
        assert np.allclose(areas[number], pairs.mean(axis=(0, 1)), atol=1e-7)
    assert (areas[:, 4:] == 0.5).all()


def test_few_images_and_values_that_are_not_finite_tell_nothing():
    values = np.random.default_rng(2).random((40, 3))
    values[7, 1] = np.nan
    classes = np.asarray([0] * (FEWEST - 1) + [1] * 10 + [3] * (41 - 10 - FEWEST))
    areas = telling(of(values), "layer", SampleClasses(("a", "b", "c", "d"), classes, True))
    assert np.isnan(areas[[0, 2]]).all() and np.isnan(areas[:, 1]).all() and np.isfinite(areas[[1, 3]][:, [0, 2]]).all()
    alone = telling(of(values), "layer", SampleClasses(("a",), np.zeros(40, np.int64), True))
    assert np.isnan(alone).all()


@pytest.mark.parametrize("layer", ["block3_conv1", "dense1"])
def test_each_image_has_the_units_on_which_most_images_stay_below_it(run, layer):
    values, found = run.sample(layer), excited(run, layer)
    below = (values[None] < values[:, None]).mean(axis=1) * (values > 0)
    for image in range(len(values)):
        k = int((found.channels[image] >= 0).sum())
        assert np.allclose(found.below[image, :k], np.sort(below[image])[::-1][:k], atol=1e-6)
        assert np.allclose(below[image, found.channels[image, :k]], found.below[image, :k], atol=1e-6)
        assert np.isnan(found.below[image, k:]).all() and len(set(found.channels[image, :k])) == k
        assert k == min(5, (below[image] > 0).sum())


def test_of_equal_shares_the_unit_comes_first_on_which_the_image_stands_out_more():
    values = np.ones((50, 4), np.float32)
    values[0] = [1.0, 2.0, 9.0, 4.0]
    found = excited(of(values + np.random.default_rng(0).random((50, 4)) * 0.9), "layer", 3)
    assert found.channels[0].tolist() == [2, 3, 1] and np.allclose(found.below[0], 49 / 50)


def test_the_nearest_images_are_those_of_the_features(run):
    found = nearest(run, [3, 50], 8)
    features = run.features.astype(np.float64)
    for image, row in zip([3, 50], found, strict=True):
        distances = np.linalg.norm(features - features[image], axis=1)
        distances[image] = np.inf
        assert len({*row.tolist()} & {*np.argsort(distances)[:8].tolist()}) >= 7  # fifty components are not all of the features
    assert nearest(run, [3], 4, among=[3, 5, 9]).tolist()[0][2:] == [-1, -1]
    with pytest.raises(ImageError, match="has no image 500"):
        nearest(run, [500])
