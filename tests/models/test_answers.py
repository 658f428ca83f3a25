"""Preprocessing that a classifier tells by its answers to photographs whose classes are known."""

import numpy as np
import pytest

import convscope
from convscope import assets
from convscope.backend import keras
from convscope.models import answers
from networks import filled

layers = keras.layers


@pytest.mark.once
def test_squeezenet_in_a_file_that_does_not_say_is_right_under_caffe():
    bundle = convscope.load(assets.path("squeezenet_imagenet_float16.h5"))
    assert bundle.preprocessing.name == "caffe"
    assert bundle.alternatives == ("none",)
    assert "the model recognises photographs of cat, coffee and temple" in bundle.notes[-1]
    assert "--preprocess none" in bundle.notes[-1]


@pytest.mark.parametrize(
    ("probabilities", "name", "others"),
    [
        ({"none": [0.98, 0.84, 0.71], "unit": [0.0, 0.0, 0.0], "caffe": [1.0, 1.0, 0.83]}, "caffe", ("none",)),
        ({"none": [0.0, 0.0, 0.02], "unit": [1.0, 1.0, 0.85], "symmetric": [1.0, 1.0, 0.79]}, "unit", ("symmetric",)),
        ({"none": [0.9, 0.9, 0.9], "unit": [0.2, 0.2, 0.2]}, "none", ()),
        ({"none": [0.1, 0.0, 0.2], "unit": [0.2, 0.2, 0.2]}, None, ()),
    ],
)
def test_the_best_answers_tell_if_they_are_right_at_all(probabilities, name, others):
    found = answers.told({recipe: np.array(one) for recipe, one in probabilities.items()})
    assert (found and found.name, found.others if found else ()) == (name, others)


def test_a_classifier_of_other_classes_or_that_was_not_trained_tells_nothing():
    for classes in (1000, 10):
        network = filled(
            keras.Sequential([keras.Input((32, 32, 3)), layers.Conv2D(4, 3), layers.GlobalMaxPooling2D(), layers.Dense(classes)])
        )
        assert answers.known_photographs(network, (32, 32, 3), network.inputs[0]._keras_history.operation.name, {}) is None
