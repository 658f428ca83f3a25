"""What networks of each kind of output decide, and what of it is explained."""

import numpy as np
import pytest

import convscope
from convscope.backend import keras
from convscope.errors import ModelError, OptionError, UnitError
from networks import images, model_of

pytestmark = pytest.mark.once

layers = keras.layers
LABELS = ["red", "green", "blue"]


@pytest.fixture(scope="module")
def bundle():
    return classifier("softmax")


def classifier(activation):
    model = model_of(
        layers.Conv2D(4, 1, activation="relu", name="colours"),
        layers.GlobalAveragePooling2D(name="gap"),
        layers.Dense(3, activation=activation, name="classes"),
        shape=(6, 6, 3),
    )
    return convscope.load(model, labels=LABELS, preprocess="unit")


def sigmoid(channels):
    return model_of(
        layers.Conv2D(4, 3, activation="relu", name="conv"), layers.GlobalAveragePooling2D(),
        layers.Dense(channels, activation="sigmoid", name="out"), shape=(8, 8, 3),
    )  # fmt: skip


def test_one_output_is_yes_or_no_and_labels_stand_by_themselves():
    image = images(8, 8, 3)
    one_output = convscope.load(sigmoid(1), labels=["tumour"])
    (one,) = convscope.explain(one_output, image)
    value = float(convscope.activations(one_output, "out", image).maps[0, 0])
    assert one.said == f"tumour: {'yes' if value >= 0.5 else 'no'}" and one.score >= 0
    assert one.score == pytest.approx(abs(np.log(value / (1 - value))), rel=1e-4)
    with pytest.raises(OptionError, match="is one number"):
        convscope.explain(one_output, image, target="tumour")
    (many,) = convscope.explain(convscope.load(sigmoid(3), labels=LABELS), image, target="green")
    assert many.said == "green, there or not" and many.target == "out:1" and many.layers[0].exact


def test_a_segmentation_is_explained_where_it_sees_a_class_or_in_a_region():
    model = model_of(
        layers.Conv2D(4, 3, padding="same", activation="relu", name="conv"),
        layers.Conv2D(3, 1, activation="softmax", name="out"),
        shape=(8, 8, 3),
    )
    bundle, image = convscope.load(model, labels=LABELS), images(8, 8, 3)
    best = convscope.activations(bundle, "out", image).maps[0].argmax(axis=-1)
    (one,) = convscope.explain(bundle, image)
    most = np.bincount(best.ravel()).argmax()
    assert one.said == f"{LABELS[most]} where it is seen" and one.classes[0].name == LABELS[most]
    (part,) = convscope.explain(bundle, image, target="red", against="blue", region="0,0,2,3")
    assert part.said == "red in the region 0,0 to 2,3, against blue" and part.maps["integrated"].any()
    assert not part.maps["integrated"][5:].any()  # it sees one pixel beyond the region
    with pytest.raises(OptionError, match="not inside the output's map of 8 x 8 places"):
        convscope.explain(bundle, image, region="0,0,9,3")


def test_what_cannot_be_explained_is_said(bundle):
    image = images(6, 6, 3)
    with pytest.raises(OptionError, match="`red` cannot be explained against itself"):
        convscope.explain(bundle, image, target="red", against="red")
    with pytest.raises(UnitError, match="Closest of its classes: green"):
        convscope.explain(bundle, image, target="gren")
    with pytest.raises(OptionError, match="such as 0,0,8,8"):
        convscope.explain(bundle, image, region="1,2")
    with pytest.raises(OptionError, match="has none. Leave it out"):
        convscope.explain(bundle, image, region="0,0,1,1")
    with pytest.raises(UnitError, match="does not depend on the output of `classes`"):
        convscope.explain(bundle, image, layers="classes")
    painter = convscope.load(model_of(layers.Conv2D(4, 3, padding="same", name="conv"), layers.Conv2D(3, 1, name="paint"), shape=(8, 8, 3)))
    with pytest.raises(ModelError, match="its output `paint` is not classes"):
        convscope.explain(painter, images(8, 8, 3))
    (unit,) = convscope.explain(painter, images(8, 8, 3), target="conv:1 - conv:2")
    assert unit.said == "conv:1 - conv:2" and unit.classes == ()


def test_linear_outputs_say_what_their_probabilities_assume():
    found = convscope.explain(classifier(None), images(6, 6, 3))
    assert any("output is linear" in note for note in found.notes)
    assert sum(each.probability for each in next(iter(found)).classes) == pytest.approx(1, rel=1e-5)
