"""How a network's preprocessing is recognised: by what it does to numbers before its first weights, not by names."""

import numpy as np
import pytest

import convscope
from convscope.backend import keras, ops
from convscope.models import recognition
from convscope.models.families import FAMILIES, recipe_of
from convscope.models.preprocessing import PREPROCESSINGS
from fuzzing import preprocessing as fuzzing

layers = keras.layers
BEGINNINGS = fuzzing.beginnings()


def choice(network):
    return recognition.choose_preprocessing(network, network.input_shape[1:], None)


def chain(*steps, size=32, name="image"):
    picture = value = keras.Input((size, size, 3), name=name)
    for step in steps:
        value = step(value)
    return keras.Model(picture, value)


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_the_first_layer_gets_what_the_author_fed(beginning, tmp_path):
    """Four random chains before each beginning; the fuzzing area of the same name tries thousands, from files too."""
    rng = np.random.default_rng(sum(map(ord, beginning)))
    for _ in range(4):
        wanted = fuzzing.front(rng)
        model, front = fuzzing.built(rng, wanted, BEGINNINGS[beginning], code=True)
        fuzzing.compared(convscope.load(model), front, wanted)


@pytest.mark.parametrize(
    ("application", "settings", "recipe"),
    [
        ("VGG16", {}, "caffe"),
        pytest.param("ResNet50", {}, "caffe", marks=pytest.mark.long),
        pytest.param("MobileNetV2", {}, "symmetric", marks=pytest.mark.long),
        ("EfficientNetB0", {}, "none"),
        ("MobileNetV3Small", {"include_preprocessing": False}, "symmetric"),
    ],
)
def test_an_application_as_it_is_gets_its_recipe(application, settings, recipe):
    network = getattr(keras.applications, application)(weights=None, include_top=False, input_shape=(32, 32, 3), **settings)
    pooled = keras.Sequential([keras.Input((32, 32, 3)), network, layers.GlobalAveragePooling2D()])
    for one in (network, pooled):
        found = choice(one)
        assert (found.recipe.name, found.alternatives) == (recipe, ())


def test_every_application_has_a_recipe():
    from convscope.models.architectures import known

    assert {recipe_of(name) for name in known()} == {"caffe", "symmetric", "torch"}


def test_a_trunk_in_a_larger_network_proves_nothing():
    trunk = keras.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))
    larger = chain(trunk, layers.GlobalAveragePooling2D(), layers.Dense(5, activation="softmax"))
    found = choice(larger)
    assert found.recipe.name == "caffe"
    assert found.alternatives == ("unit", "none", "symmetric")
    assert "--preprocess unit" in found.reason
    assert "\n" not in found.reason


def test_a_trunk_behind_other_weights_tells_nothing():
    trunk = keras.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))
    found = choice(chain(layers.Conv2D(3, 3, padding="same"), trunk, layers.GlobalAveragePooling2D()))
    assert found.recipe.name == "unit"
    assert "VGG" not in found.reason


def test_applications_of_different_recipes_side_by_side_agree():
    picture = keras.Input((32, 32, 3), name="image")
    first = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(32, 32, 3), alpha=0.35)
    second = layers.Conv2D(8, 3, name="other")
    a = first(layers.Rescaling(1 / 127.5, -1)(picture))
    b = second(picture[..., ::-1] - np.array([103.939, 116.779, 123.68], "float32"))
    model = keras.Model(picture, [layers.GlobalAveragePooling2D()(a), layers.GlobalAveragePooling2D()(b)])
    found = choice(model)
    assert (found.recipe.name, found.alternatives) == ("none", ())


@pytest.mark.parametrize("position", ["behind the weights", "at the end"])
def test_what_is_behind_the_first_weights_does_not_count(position):
    conv, scale = layers.Conv2D(4, 3, activation="relu"), layers.Rescaling(1 / 255.0)
    steps = [conv, scale, layers.Conv2D(2, 3)] if position == "behind the weights" else [conv, layers.Conv2D(2, 3), scale]
    found = choice(chain(*steps))
    assert found.recipe.name == "unit"
    assert "assumed" in found.reason


class Normalising(keras.layers.Layer):
    """A user's layer made of layers: arithmetic and weights behind one name."""

    def __init__(self):
        super().__init__()
        self.conv = layers.Conv2D(3, 3)

    def call(self, pictures):
        return self.conv(pictures / 127.5 - 1.0)


class Constants(keras.layers.Layer):
    """A user's layer with constants that are weights, but none that training changes."""

    def build(self, shape):
        self.mean = self.add_weight(shape=(3,), initializer=keras.initializers.Constant(120.0), trainable=False)

    def call(self, pictures):
        return (pictures - self.mean) / 60.0


def test_layers_of_the_users_own_are_looked_into():
    assert choice(chain(Normalising())).recipe.name == "none"
    assert choice(chain(Constants(), layers.Conv2D(2, 3))).recipe.name == "none"


def test_a_picture_that_is_standardised_by_itself_may_have_any_range():
    def standardised(value):
        mean, deviation = ops.mean(value, axis=(1, 2, 3), keepdims=True), ops.std(value, axis=(1, 2, 3), keepdims=True)
        return (value - mean) / (deviation + 1e-6)

    found = choice(chain(standardised, layers.Conv2D(2, 3)))
    assert found.alternatives == ()
    assert "by itself" in found.reason


def test_arithmetic_that_does_not_tell_names_both_readings():
    found = choice(chain(layers.Rescaling(0.5), layers.Conv2D(2, 3)))
    assert set(found.alternatives) | {found.recipe.name} >= {"none", "unit"}
    assert "--preprocess" in found.reason


@pytest.mark.parametrize(
    ("mean", "variance", "readings"),
    [
        ([0.05, -0.1, 0.1], [0.3, 0.28, 0.31], ("symmetric",)),
        ([0.0, 0.0, 0.0], [0.33, 0.33, 0.33], ("unit", "symmetric")),
        ([0.45, 0.46, 0.4], [0.07, 0.07, 0.08], ("unit",)),
        ([0.1, 0.1, 0.1], [0.08, 0.07, 0.06], ("unit",)),
        ([120.0, 115.0, 100.0], [4800.0, 4700.0, 5000.0], ("none",)),
    ],
)
def test_a_variance_that_pictures_cannot_have_rules_a_range_out(mean, variance, readings):
    found = choice(chain(layers.Normalization(mean=mean, variance=variance), layers.Conv2D(2, 3)))
    assert (found.recipe.name, *found.alternatives) == readings


@pytest.mark.parametrize(
    ("before", "words"),
    [
        ([layers.Rescaling(1 / 255.0)], "; VGG16 itself was trained on caffe (BGR less ImageNet's mean), but the network says otherwise"),
        ([layers.Rescaling(255.0), keras.applications.vgg16.preprocess_input], ", as VGG16 expects"),
    ],
)
def test_the_network_is_followed_and_what_its_trunk_was_trained_on_is_said(before, words):
    trunk = keras.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))
    assert choice(chain(*before, trunk)).reason.endswith(words)


def test_the_branch_of_the_picture_counts_and_other_inputs_have_their_values():
    picture, gain, age = keras.Input((32, 32, 3), name="image"), keras.Input((1,), name="gain"), keras.Input((4,), name="age")
    scaled = picture * layers.Reshape((1, 1, 1))(gain)
    joined = layers.Concatenate()([layers.Flatten()(layers.Conv2D(2, 3)(scaled)), layers.Dense(3)(layers.Rescaling(1 / 255.0)(age))])
    model = keras.Model([picture, gain, age], layers.Dense(2)(joined))
    bundle = convscope.load(model, inputs={"gain": 1 / 255, "age": 0.0})
    assert bundle.preprocessing.name == "none"
    assert convscope.load(model, inputs={"gain": 2.0, "age": 0.0}).preprocessing.name == "unit"


def test_a_grey_network_and_one_of_five_bands_are_read_alike():
    for channels in (1, 5):
        picture = keras.Input((16, 16, channels))
        model = keras.Model(picture, layers.Conv2D(2, 3)(layers.Rescaling(1 / 255.0)(layers.RandomContrast(0.1)(picture))))
        assert choice(model).recipe.name == "none"


def test_what_is_too_large_to_try_is_assumed():
    model = chain(layers.UpSampling2D(4000), layers.Rescaling(1 / 255.0), layers.Conv2D(1, 1))
    assert "assumed" in choice(model).reason


def test_families_are_told_apart_by_names_of_their_own():
    for family, marks, recipe in FAMILIES:
        assert recipe in PREPROCESSINGS
        others = [one for one, theirs, _ in FAMILIES if one != family and set(theirs) <= set(marks)]
        assert not others
