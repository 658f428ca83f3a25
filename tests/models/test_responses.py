"""Preprocessing that the spread of a classifier's scores tells."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

import convscope
from convscope.backend import keras
from convscope.models import responses
from convscope.models.preprocessing import PREPROCESSINGS
from sampling import all_but

layers = keras.layers


@pytest.mark.parametrize(
    ("spreads", "name", "others"),
    [
        ({"none": 3.5, "caffe": 11.0, "unit": 0.02}, "none", ()),
        ({"none": 4.7, "caffe": 2.1, "unit": 0.02}, "caffe", ("none",)),
        ({"none": 25.6, "caffe": 25.6, "unit": 2.5}, "unit", ("symmetric", "torch")),
        ({"none": 30.0, "unit": 4.0}, "unit", ("symmetric",)),
        ({"none": 17.8, "caffe": 24.6, "unit": 0.06}, "none", ("caffe",)),
        ({"none": 20.7, "caffe": 23.2, "unit": 0.7}, None, ()),  # VGG16 under a head that was trained on `caffe`
        ({"none": 18.0, "caffe": 17.0, "unit": 0.4}, None, ()),  # and under one that hardly was, on [0, 1]
        ({"none": 6.0, "caffe": 4.9, "unit": 2.9}, None, ()),  # SqueezeNet
    ],
)
def test_only_spreads_far_apart_tell(spreads, name, others):
    found = responses._told(spreads)
    assert (found and found.name, found.others if found else ()) == (name, others)


def test_scores_spread_as_their_logits_do():
    logits = np.random.default_rng(0).normal(0.0, 3.0, (5, 7))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = np.median(logits.std(axis=1))
    assert responses._spread(shares) == pytest.approx(expected)
    assert responses._spread(logits) == pytest.approx(expected)
    one = 1 / (1 + np.exp(-logits[:, :1]))
    assert responses._spread(one) == pytest.approx(np.median(np.abs(logits[:, 0])) / 2)


@pytest.mark.parametrize("values", [np.zeros((2, 4, 4, 3)), np.full((3, 1), 7.0), np.full((2, 3), np.nan)])
def test_what_is_no_classifier_has_no_spread(values):
    assert responses._spread(values) is None


@pytest.mark.long
@pytest.mark.once
@pytest.mark.parametrize("habit", all_but(["none"], ["none", "unit"]))
def test_a_classifier_without_normalisation_tells_what_it_was_trained_on(habit):
    digits = load_digits()
    pictures = np.repeat((digits.images / 16).astype("float32").repeat(3, 1).repeat(3, 2)[..., None], 3, -1)
    keras.utils.set_random_seed(1)
    picture = keras.Input((24, 24, 3))
    value = picture
    for filters in (12, 24):
        value = layers.MaxPooling2D()(layers.Conv2D(filters, 3, padding="same", activation="relu")(value))
    model = keras.Model(picture, layers.Dense(10, activation="softmax")(layers.Flatten()(value)))
    model.compile(keras.optimizers.Adam(5e-4), "sparse_categorical_crossentropy")
    model.fit(PREPROCESSINGS[habit].apply(pictures), digits.target, epochs=5, verbose=0)
    bundle = convscope.load(model)
    assert bundle.preprocessing.name == habit
    assert "measured" in bundle.notes[-1]
    assert {"none", "unit"}.isdisjoint(bundle.alternatives)
