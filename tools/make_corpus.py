"""Write tests/corpus: small model files as real old Kerases wrote them, each with images and that version's outputs.

This is run by hand, once under each old environment; it packs that version's files into tests/corpus/VERSION.tar.xz, describes them in
tests/corpus/corpus.json, and both are committed. Neither the tests nor CI run it:

    python tools/make_corpus.py tf                                    # tf.keras of TensorFlow 2.12 to 2.15, or tf_keras if installed
    python tools/make_corpus.py tf --graph                            # the same, as TensorFlow 1 to 2.3 built networks
    python tools/make_corpus.py keras3                                # Keras 3
    python tools/make_corpus.py multi --sources FOLDER                # Keras 1 or 2, on TensorFlow's version-1 interface
    python tools/make_corpus.py multi --sources FOLDER --on theano    # the same on Theano

Environments (Python 3.11 for all of them):

    pip install "tensorflow-cpu==2.13.*" pyyaml "scipy<1.12"          # and 2.12, 2.14, 2.15, each in an environment of its own
    pip install --no-deps keras_applications keras_preprocessing      # into the 2.13 environment, for multi
    pip install "tensorflow-cpu==2.19.*" "tf_keras==2.19.*"
    pip install "keras==3.3.*" "tensorflow-cpu==2.16.*"               # and later pairs
    pip install "Theano==1.0.5" "numpy==1.23.5" "scipy<1.12" h5py pyyaml six
    pip download --no-deps Keras==1.2.2                               # and 1.0.8, 2.0.9, 2.2.4, 2.3.1; unpacked they are FOLDER

The multi-backend Kerases are older than every Python here, so `multi` first gives Python, TensorFlow and Theano back a few names that
they have lost since (see `revive_*`). No name that writes a file is touched: what is on disk is that version's own work.
"""

import argparse
import collections
import collections.abc
import importlib
import importlib.util
import inspect
import json
import math
import os
import sys
import tarfile
import tempfile
import types
import zlib
from pathlib import Path

import numpy as np

CORPUS = Path(__file__).resolve().parent.parent / "tests" / "corpus"
CASES = {}
HALF = 4e-3
BRAIN = 4e-2


def case(*, on=("tf",), forms=("h5",), everywhere=(), **marks):
    """Register a builder of a model; its docstring says what its files exercise.

    `on` names the writers that can run it, `forms` what one version of them writes, `everywhere` what every version writes;
    `marks` go into corpus.json.
    """

    def register(build):
        CASES[build.__name__.rstrip("_")] = {
            "build": build,
            "exercises": build.__doc__.removesuffix("."),
            "on": on,
            "forms": forms,
            "everywhere": everywhere,
            "marks": marks,
        }
        return build

    return register


# ---- Keras 2 and 3, one interface -----------------------------------------------------------------------------------------------


ALL = ("tf", "keras3", "multi2")


def conv_bn(kit, x, filters, name=None, activation="relu", **options):
    """Return convolution, BatchNorm and activation, the three as layers."""
    x = kit.layers.Conv2D(filters, 3, padding="same", use_bias=False, name=name and f"{name}_conv", **options)(x)
    x = kit.layers.BatchNormalization(name=name and f"{name}_bn")(x)
    return kit.layers.Activation(activation, name=name and f"{name}_act")(x)


def base_model(kit, name="base", size=16):
    """Return a small functional network with BatchNorm and a depthwise convolution, without a head."""
    layers = kit.layers
    image = layers.Input((size, size, 3), name=f"{name}_image")
    x = conv_bn(kit, image, 4, "stem", strides=2)
    if hasattr(layers, "DepthwiseConv2D"):
        x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="depthwise")(x)
        x = layers.BatchNormalization(name="depthwise_bn")(x)
    x = conv_bn(kit, x, 6, "last")
    return kit.Model(image, x, name=name)


def built(kit, model, shape=(None, 16, 16, 3)):
    """Return a Sequential that starts with a model; early Keras 3 does not take its input's shape from that."""
    if kit.family == "keras3":
        model.build(shape)
    return model


def compiled(kit, model, loss="categorical_crossentropy", metrics=("accuracy",)):
    """Compile as users do, so that the file has a training config."""
    model.compile(optimizer=kit.sgd(), loss=loss, metrics=list(metrics))
    return model


@case(on=ALL, forms=("h5", "keras"), everywhere=("h5", "keras"))
def sequential(kit):
    """Sequential, BatchNorm, Dropout, Flatten; training config with lr, decay, reduction."""
    layers = kit.layers
    model = kit.Sequential(
        [
            layers.Conv2D(4, 3, padding="same", activation="relu", kernel_regularizer=kit.l2(1e-4), input_shape=(16, 16, 3)),
            layers.BatchNormalization(),
            layers.Conv2D(6, 3, strides=2, kernel_initializer="he_normal"),
            layers.Activation("relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(5, activation="softmax"),
        ]
    )
    loss = (
        kit.keras.losses.CategoricalCrossentropy() if hasattr(kit.keras.losses, "CategoricalCrossentropy") else "categorical_crossentropy"
    )
    return compiled(kit, model, loss)


@case(on=ALL, forms=("h5", "keras"), everywhere=("h5",))
def functional(kit):
    """Functional, residual sums and a concatenation, softmax as its own layer."""
    layers = kit.layers
    image = layers.Input((15, 17, 3), name="image")
    x = conv_bn(kit, image, 4, "stem")
    y = conv_bn(kit, x, 4, "branch", activation="linear")
    x = layers.Activation("relu")(layers.add([x, y]))
    y = layers.AveragePooling2D(3, strides=1, padding="same")(x)
    x = layers.concatenate([x, y, layers.Conv2D(3, 1, activation="relu", name="pointwise")(x)])
    x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(5, name="logits")(x)
    return kit.Model(image, layers.Activation("softmax", name="predictions")(x), name="residual")


@case(on=ALL, everywhere=("h5",))
def depthwise(kit):
    """DepthwiseConv2D, SeparableConv2D, ReLU(max_value=6), ZeroPadding2D."""
    layers = kit.layers
    image = layers.Input((16, 16, 3))
    x = layers.ZeroPadding2D(((0, 1), (0, 1)), name="pad")(image)
    x = layers.Conv2D(4, 3, strides=2, use_bias=False, name="conv1")(x)
    x = layers.BatchNormalization(epsilon=1e-5, momentum=0.9)(x)
    x = layers.ReLU(max_value=6.0, name="relu6")(x)
    x = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, name="depthwise")(x)
    x = layers.LeakyReLU(name="leaky_default")(x)
    x = layers.SeparableConv2D(6, 3, dilation_rate=2, padding="same", activation="relu", name="separable")(x)
    x = layers.GlobalMaxPooling2D()(x)
    return kit.Model(image, layers.Dense(4, activation="softmax")(x))


@case(on=("tf", "multi2"))
def activations(kit):
    """LeakyReLU(alpha), PReLU, ELU, ThresholdedReLU, ReLU with slope and threshold, Softmax layer."""
    layers = kit.layers
    image = layers.Input((16, 16, 3))
    x = layers.Conv2D(4, 3, padding="same", name="conv1")(image)
    x = layers.LeakyReLU(alpha=0.15)(x)
    x = layers.Conv2D(4, 3, padding="same", name="conv2")(x)
    x = layers.PReLU(shared_axes=[1, 2])(x)
    x = layers.Conv2D(4, 3, padding="same", name="conv3")(x)
    x = layers.ELU(alpha=0.7)(x)
    x = layers.Conv2D(4, 3, padding="same", name="conv4")(x)
    x = layers.ThresholdedReLU(theta=0.1)(x)
    x = layers.Conv2D(4, 3, padding="same", name="conv5")(x)
    x = layers.ReLU(max_value=4.0, negative_slope=0.1, threshold=0.05)(x)
    x = layers.Conv2D(4, 3, padding="same", activation="hard_sigmoid", name="conv6")(x)
    x = layers.Conv2D(4, 3, padding="same", activation="selu", name="conv7")(x)
    x = layers.Dense(4, name="logits")(layers.GlobalAveragePooling2D()(x))
    return kit.Model(image, layers.Softmax(name="predictions")(x))


@case(on=("keras3",))
def activations3(kit):
    """LeakyReLU(negative_slope), PReLU, ELU, ReLU with slope, swish, gelu, hard_silu, softmax layer."""
    layers = kit.layers
    image = layers.Input((16, 16, 3))
    x = layers.LeakyReLU(negative_slope=0.15)(layers.Conv2D(4, 3, padding="same", name="conv1")(image))
    x = layers.PReLU(shared_axes=[1, 2])(layers.Conv2D(4, 3, padding="same", name="conv2")(x))
    x = layers.ELU(alpha=0.7)(layers.Conv2D(4, 3, padding="same", name="conv3")(x))
    x = layers.ReLU(max_value=4.0, negative_slope=0.1, threshold=0.05)(layers.Conv2D(4, 3, padding="same", name="conv4")(x))
    x = layers.Conv2D(4, 3, padding="same", activation="swish", name="conv5")(x)
    x = layers.Conv2D(4, 3, padding="same", activation="gelu", name="conv6")(x)
    x = layers.Activation("hard_sigmoid")(layers.Conv2D(4, 3, padding="same", name="conv7")(x))
    x = layers.Dense(4, name="logits")(layers.GlobalAveragePooling2D()(x))
    return kit.Model(image, layers.Softmax(name="predictions")(x))


@case(on=("tf", "keras3"))
def gates(kit):
    """Swish, gelu, elu by name, a sigmoid gate (squeeze and excitation)."""
    layers = kit.layers
    image = layers.Input((16, 16, 1))
    x = layers.Conv2D(6, 3, padding="same", activation="swish", name="conv1")(image)
    x = layers.Conv2D(6, 5, padding="same", activation="gelu", name="conv2")(x)
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Conv2D(2, 1, activation=kit.keras.activations.relu, name="squeeze")(gate)
    gate = layers.Conv2D(6, 1, activation="sigmoid", name="excite")(gate)
    x = layers.Multiply(name="scaled")([x, gate])
    x = layers.Conv2D(6, 3, activation="elu", name="conv3")(x)
    return kit.Model(image, layers.Dense(4, activation="softmax")(layers.Flatten()(x)))


@case(on=(*ALL, "graph"), forms=("h5", "keras"), everywhere=("h5", "keras"))
def transfer(kit):
    """Transfer learning: a frozen functional base with BatchNorm, called with training=False."""
    layers = kit.layers
    base = base_model(kit)
    base.trainable = False
    image = layers.Input((16, 16, 3), name="photo")
    x = base(image) if kit.multi else base(image, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    return compiled(kit, kit.Model(image, layers.Dense(3, activation="softmax", name="head")(x), name="transfer"))


@case(on=ALL, forms=("h5",), everywhere=("h5",))
def partly_frozen(kit):
    """A nested base of which only some layers are frozen: variables in an order of their own."""
    layers = kit.layers
    base = base_model(kit)
    for name in ("stem_bn", "last_conv"):
        base.get_layer(name).trainable = False
    model = kit.Sequential([base, layers.Flatten(), layers.Dense(6, activation="relu"), layers.BatchNormalization(), layers.Dense(3)])
    model.add(layers.Activation("softmax"))
    return built(kit, model)


@case(on=ALL, forms=("h5", "keras"), everywhere=("h5",))
def teachable(kit):
    """Sequential of Sequentials with a functional base inside, as Teachable Machine saves."""
    layers = kit.layers
    body = kit.Sequential([base_model(kit, "mobile"), layers.GlobalAveragePooling2D(name="average")], name="body")
    head = kit.Sequential([layers.Dense(5, activation="relu", input_shape=(6,)), layers.Dense(3, use_bias=False, activation="softmax")])
    return built(kit, kit.Sequential([body, head]))


@case(on=ALL, several_inputs=True)
def shared(kit):
    """A shared layer and a shared sub-model, two image inputs."""
    layers = kit.layers
    left, right = layers.Input((16, 16, 3), name="left"), layers.Input((16, 16, 3), name="right")
    branch = base_model(kit, "branch")
    same = layers.Conv2D(3, 3, activation="relu", name="same")
    x, y = same(branch(left)), same(branch(right))
    x = layers.GlobalAveragePooling2D()(layers.concatenate([x, y]))
    return kit.Model([left, right], layers.Dense(2, activation="softmax")(x), name="siamese")


@case(on=ALL)
def shared_once(kit):
    """One image through a shared layer three times and a shared sub-model twice."""
    layers = kit.layers
    image = layers.Input((12, 12, 3), name="image")
    same = layers.Conv2D(3, 3, padding="same", activation="relu", name="same")
    twin_input = layers.Input((12, 12, 3), name="twin_input")
    twin = kit.Model(twin_input, layers.Conv2D(3, 3, padding="same", activation="relu", name="twin_conv")(twin_input), name="twin")
    x = twin(same(same(twin(same(image)))))
    return kit.Model(image, layers.Dense(3, activation="softmax")(layers.GlobalMaxPooling2D()(x)), name="recurrent")


@case(on=ALL, several_inputs=True)
def two_inputs(kit):
    """An image and a vector go in, two outputs come out."""
    layers = kit.layers
    image, age = layers.Input((16, 16, 3), name="image"), layers.Input((2,), name="age")
    x = conv_bn(kit, image, 4, "stem")
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.concatenate([x, layers.Dense(3, activation="relu", name="age_dense")(age)])
    outputs = [layers.Dense(3, activation="softmax", name="kind")(x), layers.Dense(1, activation="sigmoid", name="ill")(x)]
    return kit.Model([image, age], outputs, name="clinic")


@case(on=ALL)
def two_outputs(kit):
    """Several outputs of one image, one of them spatial."""
    layers = kit.layers
    image = layers.Input((16, 16, 4), name="image")
    x = conv_bn(kit, image, 4, "stem")
    mask = layers.Conv2D(1, 1, activation="sigmoid", name="mask")(x)
    return kit.Model(image, [layers.Dense(3, activation="softmax", name="kind")(layers.GlobalAveragePooling2D()(x)), mask])


@case(on=("tf", "keras3"), forms=("h5", "keras"), everywhere=("keras",))
def deferred(kit):
    """Sequential without an input shape, built by its first call."""
    layers = kit.layers
    model = kit.Sequential([layers.Conv2D(4, 3, activation="relu", name="first"), layers.MaxPooling2D(), layers.Flatten(), layers.Dense(3)])
    model(np.zeros((1, 16, 16, 3), "float32"))
    return model


@case(on=("multi2",), load={"input_shape": [16, 16, 3]})
def deferred2(kit):
    """Sequential saved without any input shape."""
    layers = kit.layers
    model = kit.Sequential([layers.Conv2D(4, 3, activation="relu", name="first"), layers.MaxPooling2D(), layers.Flatten(), layers.Dense(3)])
    model.build((None, 16, 16, 3))
    return model


def channels_first_net(kit, data_format, flatten):
    """Return a network in either layout; `flatten` is what stands before the classifier."""
    layers = kit.layers
    first = data_format == "channels_first"
    axis = 1 if first else 3
    image = layers.Input((3, 12, 16) if first else (12, 16, 3), name="image")
    x = layers.Conv2D(4, 3, padding="same", data_format=data_format, name="conv1")(image)
    x = layers.BatchNormalization(axis=axis, name="bn1")(x)
    x = layers.Activation("relu")(x)
    x = layers.MaxPooling2D(2, data_format=data_format)(x)
    y = layers.Conv2D(4, 3, strides=1, padding="same", activation="relu", data_format=data_format, name="conv2")(x)
    x = layers.concatenate([x, y], axis=axis)
    x = layers.ZeroPadding2D(1, data_format=data_format)(x)
    x = layers.AveragePooling2D(3, strides=2, data_format=data_format)(x)
    if flatten == "global":
        x = layers.GlobalAveragePooling2D(data_format=data_format)(x)
    else:
        if not first and flatten == "plain":
            x = layers.Permute((3, 1, 2))(x)
        x = layers.Flatten(data_format=data_format)(x) if first and flatten == "permuting" else layers.Flatten()(x)
    return kit.Model(image, layers.Dense(4, activation="softmax", name="head")(x), name="nchw")


@case(on=ALL, forms=("h5", "keras"), everywhere=("h5",), layout="channels_first")
def channels_first(kit, data_format="channels_first"):
    """Channels_first, Flatten in channel order."""
    return channels_first_net(kit, data_format, "plain")


@case(on=("tf", "keras3", "multi2"), layout="channels_first")
def channels_first_flatten(kit, data_format="channels_first"):
    """Channels_first, Flatten(data_format='channels_first')."""
    return channels_first_net(kit, data_format, "permuting")


@case(on=("tf", "keras3"), layout="channels_first")
def channels_first_global(kit, data_format="channels_first"):
    """Channels_first, global average pooling."""
    return channels_first_net(kit, data_format, "global")


def half_net(kit, policy):
    """Return a classifier whose layers have a dtype policy."""
    kit.keras.mixed_precision.set_global_policy(policy)
    layers = kit.layers
    image = layers.Input((16, 16, 3))
    x = conv_bn(kit, image, 4, "stem")
    x = layers.Conv2D(4, 3, activation="relu", name="conv")(x)
    x = layers.Dense(3, name="logits")(layers.GlobalAveragePooling2D()(x))
    return kit.Model(image, layers.Activation("softmax", dtype="float32")(x))


@case(on=("tf", "keras3"), forms=("h5", "keras"), tolerance=HALF)
def mixed_float16(kit):
    """Mixed_float16 policy."""
    return half_net(kit, "mixed_float16")


@case(on=("tf", "keras3"), tolerance=BRAIN)
def mixed_bfloat16(kit):
    """Mixed_bfloat16 policy."""
    return half_net(kit, "mixed_bfloat16")


@case(on=("tf", "keras3"), tolerance=HALF)
def float16(kit):
    """Float16 policy: weights in half precision."""
    return half_net(kit, "float16")


@case(on=("tf", "keras3"))
def shapes(kit):
    """Transposed, dilated, grouped convolutions, odd sizes, 'same' pooling, cropping, upsampling."""
    layers = kit.layers
    image = layers.Input((21, 19, 4), name="image")
    x = layers.Conv2D(4, (5, 3), strides=(2, 1), padding="same", activation="relu", name="wide")(image)
    x = layers.Conv2D(8, 3, dilation_rate=(2, 1), padding="same", activation="relu", name="dilated")(x)
    x = layers.Conv2D(8, 3, groups=4, padding="same", activation="relu", name="grouped")(x)
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="pool")(x)
    x = layers.Conv2DTranspose(4, 3, strides=2, padding="same", output_padding=1, activation="relu", name="up")(x)
    x = layers.AveragePooling2D((3, 2), padding="same")(x)
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    x = layers.Cropping2D(((1, 0), (0, 2)))(x)
    x = layers.SpatialDropout2D(0.3)(x)
    x = layers.Conv2DTranspose(3, 4, strides=1, activation="relu", name="up_valid")(x)
    return kit.Model(image, layers.Dense(3, activation="softmax")(layers.GlobalMaxPooling2D()(x)))


@case(on=ALL, forms=("h5",), size=(16, 24))
def unet(kit):
    """A small U-Net of free spatial size, skip connections, sigmoid image out."""
    layers = kit.layers
    image = layers.Input((None, None, 1), name="image")
    down = layers.Conv2D(4, 3, padding="same", activation="relu", name="down1")(image)
    x = layers.MaxPooling2D()(down)
    x = layers.Conv2D(6, 3, padding="same", activation="relu", name="bottom")(x)
    x = layers.Conv2DTranspose(4, 2, strides=2, padding="same", name="up1")(x)
    x = layers.concatenate([x, down])
    return kit.Model(image, layers.Conv2D(1, 1, activation="sigmoid", name="mask")(x), name="unet")


@case(on=ALL, forms=("h5", "keras"), image=False)
def conv1d(kit):
    """Conv1D and its pooling, causal padding."""
    layers = kit.layers
    return kit.Sequential(
        [
            layers.Conv1D(4, 3, padding="same", activation="relu", input_shape=(20, 2), name="conv1"),
            layers.MaxPooling1D(2),
            layers.Conv1D(5, 3, padding="causal", dilation_rate=2, activation="relu", name="conv2"),
            layers.GlobalAveragePooling1D(),
            layers.Dense(3, activation="softmax"),
        ]
    )


@case(on=ALL, image=False)
def conv3d(kit):
    """Conv3D and its pooling."""
    layers = kit.layers
    return kit.Sequential(
        [
            layers.Conv3D(3, 3, activation="relu", input_shape=(8, 8, 8, 1), name="conv1"),
            layers.MaxPooling3D(2),
            layers.Conv3D(4, 2, activation="relu", name="conv2"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )


@case(on=("tf",), forms=("h5", "json"), everywhere=("json",))
def slashes(kit):
    """Layer names with slashes; weights-only file with a JSON config."""
    layers = kit.layers
    image = layers.Input((16, 16, 3), name="image")
    x = layers.Conv2D(4, 3, activation="relu", name="block1/conv")(image)
    x = layers.BatchNormalization(name="block1/bn")(x)
    x = layers.Conv2D(4, 3, activation="relu", name="block1/a/b")(x)
    return kit.Model(image, layers.Dense(3, activation="softmax", name="top/head")(layers.GlobalAveragePooling2D()(x)))


@case(on=("keras3", "multi2"), forms=("json",), everywhere=("json",))
def apart(kit):
    """Weights-only files with a JSON config, two inner models."""
    return teachable(kit)


@case(on=("tf", "keras3"))
def assorted(kit):
    """LayerNormalization, GroupNormalization, UnitNormalization, Reshape, Permute, minimum, maximum, average, subtract."""
    layers = kit.layers
    image = layers.Input((16, 16, 3), name="image")
    x = layers.LayerNormalization(name="layer_norm")(layers.Conv2D(4, 3, padding="same", name="conv1")(image))
    x = layers.Activation("relu")(x)
    y = layers.GroupNormalization(groups=2, name="group_norm")(layers.Conv2D(4, 3, padding="same", name="conv2")(x))
    parts = [layers.Average()([x, y]), layers.Maximum()([x, y]), layers.Minimum()([x, y]), layers.Subtract()([x, y])]
    x = layers.Concatenate(axis=-1)(parts)
    x = layers.Conv2D(4, 1, activation="relu", name="conv3")(layers.GaussianNoise(0.1)(x))
    x = layers.UnitNormalization()(x)
    x = layers.Permute((3, 1, 2))(layers.AveragePooling2D(4)(x))
    return kit.Model(image, layers.Dense(3, activation="softmax")(layers.Reshape((-1,))(x)))


@case(on=("tf", "keras3"), forms=("h5", "keras"), everywhere=("keras",), low=0, high=255)
def preprocessing(kit):
    """Rescaling, Normalization, Resizing, CenterCrop and augmentation layers inside."""
    layers = kit.layers
    normalization = layers.Normalization(mean=[0.4, 0.5, 0.6], variance=[0.05, 0.06, 0.07], name="given")
    adapted = layers.Normalization(axis=-1, name="adapted")
    adapted.adapt(np.random.default_rng(3).normal(0.3, 2.0, (8, 4, 4, 3)).astype("float32"))
    image = layers.Input((20, 20, 3), name="image")
    x = layers.RandomFlip("horizontal")(image)
    x = layers.RandomRotation(0.1)(x)
    x = layers.RandomZoom(0.1)(x)
    x = layers.RandomTranslation(0.1, 0.1)(x)
    x = layers.RandomContrast(0.2)(x)
    x = layers.Resizing(18, 18)(x)
    x = layers.CenterCrop(16, 16)(x)
    x = layers.Rescaling(1 / 255.0)(x)
    x = adapted(normalization(x))
    x = layers.Rescaling(scale=[1.5, 1.0, 0.5], offset=-0.1)(x)
    x = layers.Conv2D(4, 3, activation="relu", name="conv")(x)
    return kit.Model(image, layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(x)))


@case(on=("tf", "keras3"), forms=("h5", "keras"), low=0, high=255)
def augmented(kit):
    """A Sequential of augmentation layers inside, and Rescaling(1/127.5, -1)."""
    layers = kit.layers
    augmentation = kit.Sequential([layers.RandomFlip("horizontal_and_vertical"), layers.RandomRotation(0.2)], name="augmentation")
    image = layers.Input((16, 16, 3), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1)(augmentation(image))
    x = base_model(kit)(x, training=False)
    return kit.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))


# ---- operators that TensorFlow saved as layers ----------------------------------------------------------------------------------


@case(on=("tf", "graph"), forms=("h5", "keras"), everywhere=("h5",), low=0, high=255)
def operators(kit):
    """Operators with constants to the left and right, relu6 gates."""
    tf, layers = kit.tf, kit.layers
    image = layers.Input((16, 16, 3), name="image")
    x = image / 127.5 - 1.0
    x = layers.Conv2D(4, 3, padding="same", name="conv1")(x)
    x = x * tf.nn.relu6(x + 3.0) * (1.0 / 6.0)
    y = layers.Conv2D(4, 3, padding="same", name="conv2")(x)
    x = tf.nn.relu(y) + x
    y = layers.Conv2D(4, 3, padding="same", name="conv3")(x)
    x = tf.concat([1.0 - x, 0.5 * y, tf.math.multiply(x, y), -y], axis=-1)
    x = tf.math.sigmoid(x) * tf.math.maximum(x, 0.1) - tf.math.subtract(0.25, x)
    x = layers.Conv2D(4, 3, name="conv4")(tf.nn.leaky_relu(x, alpha=0.1))
    x = tf.clip_by_value(x, -2.0, 2.0)
    x = tf.reduce_mean(x, axis=[1, 2])
    return kit.Model(image, tf.nn.softmax(layers.Dense(3, name="logits")(x)))


@case(on=("tf", "graph"), forms=("h5", "keras"), everywhere=("h5",))
def reshaping(kit):
    """Slices, reshapes, paddings, splits and resizing by tf functions."""
    tf, layers = kit.tf, kit.layers
    image = layers.Input((16, 16, 3), name="image")
    x = image[..., ::-1]
    x = tf.pad(x[:, 1:-1, 2:, :], [[0, 0], [1, 1], [0, 2], [0, 0]])
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv1")(x)
    x = tf.image.resize(x, (12, 12))
    x = tf.transpose(tf.transpose(x, [0, 3, 1, 2]), perm=[0, 2, 3, 1])
    x = layers.Conv2D(8, 3, activation="relu", name="conv2")(x)
    first, second = tf.split(x, 2, axis=-1)
    x = tf.stack([first, second], axis=-1)
    x = tf.reshape(x, [-1, 10, 10, 8])
    x = layers.Conv2D(4, 3, activation="relu", name="conv3")(tf.nn.space_to_depth(x, 2))
    x = tf.squeeze(tf.expand_dims(x, 1), axis=[1])
    x = tf.reshape(x, (tf.shape(x)[0], 36))
    return kit.Model(image, layers.Dense(3, activation="softmax", name="head")(x))


@case(low=0, high=255)
def preprocess_tf(kit):
    """Mobilenet preprocess_input and a variety of tf.math inside the model."""
    tf, layers = kit.tf, kit.layers
    image = layers.Input((16, 16, 3), name="image")
    x = kit.keras.applications.mobilenet_v2.preprocess_input(image)
    x = layers.Conv2D(4, 3, use_bias=False, name="conv1")(x)
    x = tf.nn.bias_add(x, tf.constant([0.1, -0.1, 0.2, 0.0]))
    x = tf.math.square(x) / (1.0 + tf.math.abs(x)) + tf.math.sqrt(tf.math.exp(tf.math.tanh(x)))
    x = tf.where(x > 0.7, x, tf.zeros_like(x)) if kit.full else tf.math.add(x, 0.1)
    x = tf.math.add_n([x, tf.math.softplus(x), tf.math.minimum(x, 1.0)])
    x = layers.Conv2D(4, 3, name="conv2")(tf.cast(x, tf.float32) * 0.1)
    x = kit.keras.activations.relu(x, max_value=6.0)
    x = tf.nn.max_pool2d(x, 2, 2, "VALID")
    x = tf.math.reduce_max(x, axis=[1, 2], keepdims=True)
    return kit.Model(image, layers.Dense(3, activation="softmax", name="head")(layers.Flatten()(x)))


@case(low=0, high=255, everywhere=("h5",))
def preprocess_caffe(kit):
    """Resnet50 preprocess_input (flip of colours and mean) inside the model."""
    layers = kit.layers
    image = layers.Input((16, 16, 3), name="image")
    x = kit.keras.applications.resnet50.preprocess_input(image)
    base = base_model(kit)
    base.trainable = False
    x = base(layers.Rescaling(1 / 64.0)(x), training=False)
    return kit.Model(image, layers.Dense(3, activation="softmax", name="head")(layers.GlobalAveragePooling2D()(x)))


@case(on=("graph",), everywhere=("h5",))
def batchnorm_v1(kit):
    """BatchNormalizationV1, as TensorFlow 1.14 named the class (renamed here)."""
    layers = kit.layers
    renamed = type("BatchNormalizationV1", (layers.BatchNormalization,), {})
    image = layers.Input((12, 12, 3), name="image")
    x = layers.Activation("relu")(renamed()(layers.Conv2D(4, 3, name="conv")(image)))
    return kit.Model(image, layers.Dense(3, activation="softmax")(layers.Flatten()(x)))


@case(refused="cumulative|cumsum|cumprod|approx|bessel|lgamma")
def operator_unknown(kit):
    """An operator that has no equal in Keras 3."""
    tf, layers = kit.tf, kit.layers
    image = layers.Input((8, 8, 3), name="image")
    x = tf.math.lgamma(2.0 + layers.Conv2D(3, 3, activation="relu", name="conv")(image))
    return kit.Model(image, layers.Dense(2)(layers.Flatten()(x)))


@case(on=ALL, refused="Lambda")
def lambda_(kit):
    """A Lambda layer."""
    layers = kit.layers
    image = layers.Input((8, 8, 3), name="image")
    x = layers.Conv2D(3, 3, activation="relu", name="conv")(image)
    x = layers.Lambda(lambda value: value * 2.0, name="double", **({} if kit.multi else {"output_shape": (6, 6, 3)}))(x)
    return kit.Model(image, layers.Dense(2)(layers.Flatten()(x)))


# ---- pieces of keras.applications as that version built them --------------------------------------------------------------------


@case(on=("tf", "keras3"), forms=("h5", "keras"), everywhere=("h5",), low=0, high=255)
def mobilenet_v3(kit):
    """First blocks of MobileNetV3Small: hard-swish by operators, names with slashes."""
    base = kit.keras.applications.MobileNetV3Small((32, 32, 3), alpha=0.25, include_top=False, weights=None)
    names = [layer.name for layer in base.layers]
    first = next(name for name in names if name in ("expanded_conv_1/project", "expanded_conv_1_project"))
    x = kit.layers.GlobalAveragePooling2D()(base.get_layer(first).output)
    return kit.Model(base.input, kit.layers.Dense(3, activation="softmax")(x), name="MobilenetV3small")


@case(on=("tf", "keras3"), forms=("h5",), low=0, high=255)
def efficientnet(kit):
    """First blocks of EfficientNetB0: Rescaling, Normalization, squeeze and excitation, swish."""
    base = kit.module("applications.efficientnet").EfficientNet(0.1, 0.1, 32, include_top=False, weights=None, input_shape=(32, 32, 3))
    x = kit.layers.GlobalAveragePooling2D()(base.get_layer("block2a_project_bn").output)
    return kit.Model(base.input, kit.layers.Dense(3, activation="softmax")(x), name="efficientnetb0")


@case(low=0, high=255)
def convnext(kit):
    """ConvNeXt of narrow blocks: LayerScale, LayerNormalization, gelu."""
    module = kit.module("applications.convnext")
    return module.ConvNeXt(depths=[1, 1, 1, 1], projection_dims=[4, 6, 6, 6], weights=None, input_shape=(32, 32, 3), classes=3)


@case(on=("tf",))
def densenet(kit):
    """DenseNet of narrow blocks."""
    base = kit.module("applications.densenet").DenseNet([1, 1, 1, 1], include_top=False, weights=None, input_shape=(32, 32, 3))
    x = kit.layers.GlobalAveragePooling2D()(
        base.get_layer("conv1_relu" if "conv1_relu" in [a.name for a in base.layers] else "conv1/relu").output
    )
    x = kit.layers.Dense(3, activation="softmax")(x)
    return kit.Model(base.input, x)


# ---- custom objects -------------------------------------------------------------------------------------------------------------


@case(on=("tf", "keras3"), forms=("h5", "keras"), load={"custom": ["Scale", "Gate"]})
def custom_layers(kit):
    """Custom layers, one registered and one not."""
    layers, own = kit.layers, kit.own
    image = layers.Input((12, 12, 3), name="image")
    x = layers.Conv2D(4, 3, padding="same", name="conv1")(own.Scale(name="scale")(image))
    x = own.Gate(power=2.0, name="gate")(x)
    x = layers.Conv2D(4, 3, activation="relu", name="conv2")(x)
    return kit.Model(image, layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(x)))


@case(on=("tf", "keras3"), forms=("keras",), load={"custom": ["SmallNet"]}, subclassed=True, inputs=[(None, 12, 12, 3)])
def subclassed(kit):
    """A subclassed model."""
    model = kit.own.SmallNet(filters=4)
    model(np.zeros((1, 12, 12, 3), "float32"))
    return model


@case(on=("keras3",), forms=("h5", "keras"), everywhere=("keras",))
def operations3(kit):
    """Keras.ops calls as nodes."""
    layers, ops = kit.layers, kit.keras.ops
    image = layers.Input((16, 16, 3), name="image")
    x = layers.Conv2D(4, 3, padding="same", name="conv1")(image * 2.0 - 1.0)
    x = ops.relu6(x + 3.0) * (1.0 / 6.0) * x
    y = layers.Conv2D(4, 3, padding="same", name="conv2")(x)
    x = ops.concatenate([1.0 - x, ops.multiply(x, y), ops.maximum(x, 0.1)], axis=-1)
    x = layers.Conv2D(4, 3, name="conv3")(ops.relu(x))
    x = ops.mean(x, axis=(1, 2))
    return kit.Model(image, ops.softmax(layers.Dense(3, name="logits")(x)))


# ---- Keras 1 --------------------------------------------------------------------------------------------------------------------


ONE = ("multi1",)


def image_shape(kit, rows, columns, channels):
    """Return an image's shape in the ordering of the run."""
    return (channels, rows, columns) if kit.first else (rows, columns, channels)


@case(on=ONE, everywhere=("h5",))
def one_sequential(kit):
    """Convolution2D, W_regularizer, init, subsample, BatchNormalization mode 0, border_mode, Dense(output_dim), lr and decay."""
    layers = kit.layers
    model = kit.Sequential()
    shape = image_shape(kit, 14, 16, 3)
    model.add(layers.Convolution2D(4, 3, 5, border_mode="same", init="he_normal", W_regularizer=kit.l2(1e-4), input_shape=shape))
    model.add(layers.BatchNormalization(mode=0, axis=1 if kit.first else 3))
    model.add(layers.Activation("relu"))
    model.add(layers.ZeroPadding2D((1, 2)))
    model.add(layers.Convolution2D(5, 3, 3, subsample=(2, 1), activation="relu", bias=True))
    model.add(layers.MaxPooling2D((2, 2), strides=(2, 2), border_mode="valid"))
    model.add(layers.Dropout(0.25))
    model.add(layers.Flatten())
    model.add(layers.Dense(6, activation="tanh"))
    model.add(layers.BatchNormalization())
    model.add(layers.Dense(output_dim=4, init="glorot_normal", W_constraint=kit.keras.constraints.maxnorm(2), name="head"))
    model.add(layers.Activation("softmax"))
    return compiled(kit, model)


@case(on=ONE, everywhere=("h5",))
def one_model(kit):
    """Functional Model, merge(mode=concat, sum, mul, ave, max), a shared layer."""
    layers = kit.layers
    axis = 1 if kit.first else 3
    image = layers.Input(shape=image_shape(kit, 12, 12, 3), name="image")
    same = layers.Convolution2D(4, 3, 3, activation="relu", border_mode="same", name="same")
    x = layers.Convolution2D(4, 1, 1, name="reduce")(image)
    x, y = same(x), same(layers.BatchNormalization(axis=axis)(x))
    x = layers.merge([x, y], mode="concat", concat_axis=axis)
    y = layers.Convolution2D(8, 3, 3, border_mode="same", activation="relu", name="branch")(x)
    x = layers.merge([layers.merge([x, y], mode="sum"), layers.merge([x, y], mode="mul"), layers.merge([x, y], mode="ave")], mode="max")
    x = layers.AveragePooling2D((3, 3), strides=(2, 2), border_mode="valid")(x)
    x = layers.Flatten()(x)
    return compiled(kit, kit.Model(input=image, output=layers.Dense(3, activation="softmax", name="head")(x), name="graph"))


@case(on=ONE, several_inputs=True)
def one_merge(kit):
    """Sequential that starts with a Merge of two Sequentials."""
    layers = kit.layers
    branches = []
    for index in range(2):
        branch = kit.Sequential(name=f"branch{index}")
        branch.add(layers.Convolution2D(3, 3, 3, activation="relu", input_shape=image_shape(kit, 10, 10, 3)))
        branch.add(layers.GlobalAveragePooling2D() if hasattr(layers, "GlobalAveragePooling2D") else layers.Flatten())
        branches.append(branch)
    model = kit.Sequential()
    model.add(layers.Merge(branches, mode="concat"))
    model.add(layers.Dense(3, activation="softmax"))
    return model


@case(on=ONE, everywhere=("h5",))
def one_layers(kit):
    """LeakyReLU, PReLU, ELU, ThresholdedReLU, Atrous-, Deconvolution2D, UpSampling2D, Cropping2D, SpatialDropout2D."""
    layers = kit.layers
    rows = image_shape(kit, 12, 14, 3)
    image = layers.Input(shape=rows, name="image")
    x = layers.LeakyReLU(alpha=0.15)(layers.Convolution2D(4, 3, 3, border_mode="same", name="conv1")(image))
    x = layers.PReLU(**({} if kit.oldest else {"shared_axes": [2, 3] if kit.first else [1, 2]}))(x)
    x = layers.ELU(alpha=0.8)(layers.Convolution2D(4, 3, 3, border_mode="same", name="conv2")(x))
    x = layers.ThresholdedReLU(theta=0.05)(x)
    x = layers.AtrousConvolution2D(4, 3, 3, atrous_rate=(2, 2), activation="relu", name="atrous")(x)
    x = layers.Cropping2D(((1, 0), (1, 1)))(x)
    x = layers.UpSampling2D((2, 2))(x)
    x = layers.GaussianNoise(0.1)(x)
    if not kit.theano:
        shape = (None, 15, 18, 3)
        x = layers.Deconvolution2D(3, 2, 3, (None, 3, 15, 18) if kit.first else shape, activation="relu", name="deconv")(x)
        x = layers.SeparableConvolution2D(4, 3, 3, activation="relu", depth_multiplier=2, name="separable")(x) if not kit.first else x
    x = layers.SpatialDropout2D(0.2)(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Activation("softmax")(layers.Dense(3, name="logits")(x))
    return kit.Model(input=image, output=x)


@case(on=ONE, forms=("h5", "json"), everywhere=("h5", "json"))
def one_nested(kit):
    """Sequentials and a frozen functional model inside a Sequential; also weights alone with a JSON config."""
    layers = kit.layers
    image = layers.Input(shape=image_shape(kit, 12, 12, 3), name="image")
    x = layers.Convolution2D(4, 3, 3, name="inner_conv")(image)
    x = layers.Activation("relu")(layers.BatchNormalization(axis=1 if kit.first else 3, name="inner_bn")(x))
    inner = kit.Model(input=image, output=x, name="inner")
    inner.trainable = False
    head = kit.Sequential(name="head")
    head.add(layers.Flatten(input_shape=image_shape(kit, 5, 5, 4)))
    head.add(layers.Dense(3, activation="softmax"))
    model = kit.Sequential(name="outer")
    model.add(inner)
    model.add(layers.MaxPooling2D((2, 2)))
    model.add(head)
    return model


@case(on=ONE)
def one_same(kit):
    """Border_mode same with a stride and with an even kernel: Theano pads at the other side."""
    layers = kit.layers
    model = kit.Sequential()
    shape = image_shape(kit, 12, 15, 3)
    model.add(layers.Convolution2D(4, 3, 3, subsample=(2, 2), border_mode="same", activation="relu", input_shape=shape))
    model.add(layers.Convolution2D(4, 2, 4, border_mode="same", activation="relu"))
    model.add(layers.Flatten())
    model.add(layers.Dense(3, activation="softmax"))
    return model


@case(on=ONE, image=False)
def one_conv1d(kit):
    """Convolution1D, MaxPooling1D."""
    layers = kit.layers
    model = kit.Sequential()
    model.add(layers.Convolution1D(4, 3, border_mode="same", activation="relu", input_shape=(20, 2)))
    model.add(layers.MaxPooling1D(2))
    model.add(layers.Convolution1D(nb_filter=3, filter_length=3, subsample_length=2, activation="relu"))
    model.add(layers.Flatten())
    model.add(layers.Dense(3, activation="softmax"))
    return model


@case(on=ONE, image=False)
def one_conv3d(kit):
    """Convolution3D, MaxPooling3D."""
    layers = kit.layers
    model = kit.Sequential()
    shape = (2, 7, 8, 9) if kit.first else (7, 8, 9, 2)
    model.add(layers.Convolution3D(3, 2, 3, 2, activation="relu", input_shape=shape))
    model.add(layers.MaxPooling3D((2, 2, 2)))
    model.add(layers.Flatten())
    model.add(layers.Dense(3, activation="softmax"))
    return model


@case(on=ONE, refused="mode")
def one_batch_mode1(kit):
    """BatchNormalization mode 1, which Keras 3 has no equal for."""
    layers = kit.layers
    model = kit.Sequential()
    model.add(layers.Convolution2D(3, 3, 3, activation="relu", input_shape=image_shape(kit, 8, 8, 3)))
    model.add(layers.Flatten())
    model.add(layers.BatchNormalization(mode=1))
    model.add(layers.Dense(2))
    return model


@case(on=ONE, refused="SReLU")
def one_srelu(kit):
    """SReLU, a layer that Keras 2 dropped."""
    layers = kit.layers
    model = kit.Sequential()
    model.add(layers.Convolution2D(2, 3, 3, input_shape=image_shape(kit, 6, 6, 3)))
    model.add(layers.SReLU())
    model.add(layers.Flatten())
    model.add(layers.Dense(2))
    return model


@case(on=ONE, refused="Lambda")
def one_lambda(kit):
    """A Lambda layer in Keras 1."""
    layers = kit.layers
    model = kit.Sequential()
    model.add(layers.Convolution2D(2, 3, 3, input_shape=image_shape(kit, 6, 6, 3)))
    model.add(layers.Lambda(lambda value: value * 2.0))
    model.add(layers.Flatten())
    model.add(layers.Dense(2))
    return model


# ---- words that mean something else today ---------------------------------------------------------------------------------------


def frames(kit):
    """Return the shape of a sequence of pictures."""
    return (3, *image_shape(kit, 10, 9, 3))


@case(on=("tf", "multi2", "multi1"), forms=("h5", "keras"), image=False)
def old_gates(kit):
    """Gates by the old hard_sigmoid: ConvLSTM2D as it is by default, in a wrapper, TimeDistributed over an activation."""
    layers = kit.layers
    image = layers.Input(shape=frames(kit))
    if kit.family == "multi1":
        x = layers.Convolution3D(3, 1, 1, 1, activation="hard_sigmoid")(image)
        x = layers.ConvLSTM2D(3, 3, 3, border_mode="same", return_sequences=True)(x)
        x = layers.TimeDistributed(layers.Convolution2D(2, 3, 3, activation="hard_sigmoid"))(x)
        return kit.Model(input=image, output=layers.TimeDistributed(layers.Flatten())(x))
    x = layers.Conv3D(3, 1, activation="hard_sigmoid")(image)
    x = layers.ConvLSTM2D(3, 3, padding="same", return_sequences=True)(x)
    x = layers.TimeDistributed(layers.Conv2D(2, 3, activation="hard_sigmoid"))(x)
    x = layers.TimeDistributed(layers.Flatten())(x)
    x = layers.Bidirectional(layers.LSTM(3, activation="hard_sigmoid", return_sequences=True))(x)
    return kit.Model(image, layers.GRU(4, recurrent_activation="hard_sigmoid", go_backwards=True)(x))


@case(on=("tf", "multi2"), forms=("h5", "keras"), image=False)
def old_cells(kit):
    """Cells alone and stacked, GRU without reset_after, a backward layer of its own, states handed from layer to layer."""
    layers = kit.layers
    image = layers.Input((12, 3))
    x = layers.Conv1D(4, 3, padding="same", activation="hard_sigmoid")(image)
    stack = layers.StackedRNNCells([layers.GRUCell(3, recurrent_activation="hard_sigmoid"), layers.LSTMCell(4)])
    x = layers.RNN(stack, return_sequences=True)(x)
    x = layers.Bidirectional(layers.GRU(3, return_sequences=True), merge_mode="sum")(x)
    x, state, carry = layers.LSTM(4, return_sequences=True, return_state=True)(x)
    x = layers.LSTM(4, return_sequences=True, activation="relu")(x, initial_state=[carry, state])
    return kit.Model(image, layers.RNN(layers.SimpleRNNCell(3), go_backwards=True)(x))


@case(on=ONE, image=False)
def one_recurrent(kit):
    """LSTM, GRU and SimpleRNN as Keras 1 stored them: an array for each gate, or together; inner_activation, Bidirectional."""
    layers = kit.layers
    image = layers.Input(shape=(10, 3))
    x = layers.Convolution1D(4, 3, activation="tanh", border_mode="same")(image)
    x = layers.LSTM(3, return_sequences=True)(x)
    x = layers.LSTM(4, return_sequences=True, consume_less="gpu", inner_activation="sigmoid", go_backwards=True)(x)
    if hasattr(layers, "Bidirectional"):
        x = layers.Bidirectional(layers.GRU(3, return_sequences=True), merge_mode="mul")(x)
    x = layers.GRU(3, return_sequences=True, consume_less="gpu")(x)
    x = layers.TimeDistributedDense(4, activation="hard_sigmoid")(x)
    return kit.Model(input=image, output=layers.SimpleRNN(4)(x))


@case(on=("multi2", "tf"))
def corners(kit):
    """Bilinear upsampling, which Keras 2.2 and 2.3 began at the corners of pixels."""
    layers = kit.layers
    image = layers.Input((9, 8, 3))
    x = layers.Conv2D(4, 3, padding="same", name="conv1")(image)
    x = layers.UpSampling2D((2, 3), interpolation="bilinear", name="wider")(x)
    return kit.Model(image, layers.Conv2D(3, 3, strides=2, name="conv2")(x))


@case(on=ONE)
def one_sides(kit):
    """Padding of four sides and by name, deconvolutions that say the shape they want."""
    layers = kit.layers
    image = layers.Input(shape=image_shape(kit, 9, 8, 3), name="image")
    x = layers.ZeroPadding2D((1, 0, 2, 1))(image)
    x = layers.ZeroPadding2D({"top_pad": 1, "right_pad": 2})(x)
    x = layers.Convolution2D(4, 3, 3, subsample=(2, 2), activation="relu", name="conv")(x)
    if not kit.theano:
        wanted = [(None, *image_shape(kit, *side, 3)) for side in ((12, 14), (23, 28))]
        x = layers.Deconvolution2D(3, 3, 3, wanted[0], subsample=(2, 2), border_mode="valid", name="longer")(x)
        x = layers.Deconvolution2D(3, 3, 3, wanted[1], subsample=(2, 2), border_mode="same", name="shorter")(x)
    return kit.Model(input=image, output=layers.GlobalAveragePooling2D()(x))


@case(on=("tf",), forms=("h5", "keras"))
def old_normalization(kit):
    """BatchNormalization with renorm, with groups of a batch, and ThresholdedReLU in a layer and a wrapper."""
    layers = kit.layers
    normalization = kit.module("layers.normalization.batch_normalization_v1").BatchNormalization
    image = layers.Input((9, 8, 3))
    x = normalization(renorm=True, name="again")(layers.Conv2D(4, 3, name="conv1")(image))
    x = normalization(virtual_batch_size=2, fused=False, name="grouped")(x)
    x = layers.ThresholdedReLU(0.2, name="above")(x)
    return kit.Model(image, layers.GlobalAveragePooling2D()(x))


@case(on=("tf",), forms=("h5", "keras"))
def old_augmentation(kit):
    """RandomCrop, RandomHeight and RandomWidth, which out of training crop to a shape or do nothing."""
    layers = kit.layers
    image = layers.Input((12, 9, 3))
    x = layers.RandomWidth(0.3)(layers.RandomHeight(0.3)(layers.RandomCrop(8, 8)(image)))
    return kit.Model(image, layers.Conv2D(4, 3, name="conv1")(x), name="augmented")


@case(on=("tf",), refused="lanczos|gaussian|mitchellcubic")
def interpolation_gone(kit):
    """An interpolation that Keras 3 does not have."""
    layers = kit.layers
    image = layers.Input((9, 8, 3))
    return kit.Model(image, layers.Conv2D(4, 3)(layers.Resizing(12, 12, interpolation="mitchellcubic")(image)))


@case(on=("tf", "multi2"), refused="LocallyConnected2D")
def unshared(kit):
    """LocallyConnected2D, which Keras 3 does not have."""
    layers = kit.layers
    image = layers.Input((6, 6, 3))
    return kit.Model(image, layers.Flatten()(layers.LocallyConnected2D(2, 3)(image)))


# ---- the writers ----------------------------------------------------------------------------------------------------------------


def revive_python():
    """Give Python back the names that Keras 1 and 2 import from it."""
    for name in ("Iterable", "Callable", "Mapping", "Sequence", "MutableMapping", "Hashable"):
        setattr(collections, name, getattr(collections.abc, name))
    specification = collections.namedtuple("ArgSpec", "args varargs keywords defaults")
    inspect.ArgSpec = specification
    inspect.getargspec = lambda function: specification(*inspect.getfullargspec(function)[:4])


def revive_tensorflow():
    """Let `import tensorflow` mean TensorFlow's version-1 interface, with its own Keras out of the way."""
    import tensorflow
    from tensorflow.python.framework import ops

    old = tensorflow.compat.v1
    assert tensorflow.keras.metrics.MeanIoU and old.keras.metrics.MeanIoU, "loaded now: Keras 2.3 reads it"
    for name in [name for name in sys.modules if name.partition(".")[0] == "keras"]:
        del sys.modules[name]
    old.disable_v2_behavior()
    ops._TensorLike = (old.Tensor, old.Variable)
    ops.is_dense_tensor_like = lambda value: isinstance(value, ops._TensorLike)
    host = f"on tensorflow {tensorflow.__version__} (version-1 interface)"
    old.__version__ = "1.15.0"
    sys.modules["tensorflow"] = old
    return host


def revive_theano(folder):
    """Set Theano up without a BLAS library, and load the part that Keras uses without importing it."""
    os.environ["THEANO_FLAGS"] = f"base_compiledir={folder}/theano,blas.ldflags=,optimizer=fast_compile"
    theano = importlib.import_module("theano")
    importlib.import_module("theano.ifelse")
    return f"on theano {theano.__version__}"


def own_module(keras):
    """Import tests/corpus/custom_layers.py against this run's Keras."""
    before = sys.modules.get("keras")
    sys.modules["keras"] = keras
    specification = importlib.util.spec_from_file_location("custom_layers", CORPUS / "custom_layers.py")
    module = importlib.util.module_from_spec(specification)
    sys.modules["custom_layers"] = module
    specification.loader.exec_module(module)
    if before is not None:
        sys.modules["keras"] = before
    return module


def modern_kit(keras, tag, writer, family, tf=None, full=False):
    """Return what the builders need of tf.keras, tf_keras or Keras 3."""
    roots = [f"{keras.__name__.partition('.')[0]}.src", "keras.src", "keras"]

    def module(name):
        for root in roots:
            try:
                return importlib.import_module(f"{root}.{name}")
            except ImportError:
                continue
        raise ImportError(name)

    def sgd():
        legacy = getattr(keras.optimizers, "legacy", None)
        return legacy.SGD(learning_rate=0.01, decay=1e-4) if family == "tf" and legacy else keras.optimizers.SGD(0.01)

    return types.SimpleNamespace(
        keras=keras,
        layers=keras.layers,
        Model=keras.models.Model,
        Sequential=keras.models.Sequential,
        l2=keras.regularizers.l2,
        sgd=sgd,
        tf=tf,
        module=module,
        own=None if family == "graph" else own_module(keras),
        multi=False,
        first=False,
        theano=False,
        oldest=False,
        tag=tag,
        writer=writer,
        family=family,
        full=full,
        clear=keras.backend.clear_session,
        version=getattr(keras, "__version__", ""),
    )


def tf_kit(graph):
    """Return the kit of tf_keras where it is installed, else of tf.keras; `graph` switches to TensorFlow 1's way of building."""
    import tensorflow as tf

    if graph:
        tf.compat.v1.disable_v2_behavior()
        old = tf.compat.v1.keras
        return modern_kit(
            old, f"tf{two(tf.__version__)}-graph", f"tf.compat.v1.keras of TensorFlow {tf.__version__}, graph mode", "graph", tf
        )
    try:
        import tf_keras

        release = tf_keras.__version__
        return modern_kit(tf_keras, f"tfk{two(release)}", f"tf_keras {release}", "tf", tf)
    except ImportError:
        keras = tf.keras
        return modern_kit(
            keras, f"tf{two(tf.__version__)}", f"tf.keras of TensorFlow {tf.__version__}", "tf", tf, tf.__version__.startswith("2.13")
        )


def keras3_kit():
    """Return the kit of Keras 3."""
    import keras

    return modern_kit(
        keras,
        f"k{two(keras.__version__)}",
        f"keras {keras.__version__} ({keras.backend.backend()})",
        "keras3",
        full=keras.__version__.startswith("3.3."),
    )


def multi_kit(sources, backend, first, scratch):
    """Return the kit of a multi-backend Keras 1 or 2 from its sources."""
    revive_python()
    os.environ.update(KERAS_BACKEND=backend, KERAS_HOME=str(Path(scratch) / "home"))
    (Path(scratch) / "home").mkdir()
    host = revive_theano(scratch) if backend == "theano" else revive_tensorflow()
    sys.path.insert(0, str(Path(sources).resolve()))
    import keras
    import keras.models
    import keras.regularizers

    if keras.__version__.startswith("1"):
        keras.backend.set_image_dim_ordering("th" if first else "tf")
    else:
        keras.backend.set_image_data_format("channels_first" if first else "channels_last")
    family = f"multi{keras.__version__[0]}"
    ending = ("-theano" if backend == "theano" else "") + ("-th" if first else "")
    return types.SimpleNamespace(
        keras=keras,
        layers=importlib.import_module("keras.layers"),
        Model=keras.models.Model,
        Sequential=keras.models.Sequential,
        l2=keras.regularizers.l2,
        sgd=lambda: keras.optimizers.SGD(lr=0.01, decay=1e-4),
        tf=None,
        multi=True,
        first=first,
        theano=backend == "theano",
        oldest=keras.__version__.startswith("1.0"),
        tag=f"keras{keras.__version__}{ending}",
        own=None,
        writer=f"keras {keras.__version__} {host}",
        family=family,
        full=False,
        clear=keras.backend.clear_session if backend != "theano" else lambda: None,
        version=keras.__version__,
    )


def two(release):
    """Return '213' of '2.13.1', and '3.10' of '3.10.0'."""
    major, minor = release.split(".")[:2]
    return f"{major}{minor}" if major == "2" else f"{major}.{minor}"


def randomised(model, generator):
    """Give every variable values that a trained one could have, and keep counts and seeds.

    In Keras 1 and 2 a model's `weights` and `get_weights()` can differ in order, so there it is done layer by layer.
    """
    if getattr(model, "layers", None) and not hasattr(model, "variables"):
        for layer in model.layers:
            randomised(layer, generator)
        return
    values = []
    for variable, old in zip(model.weights, model.get_weights(), strict=True):
        name = (getattr(variable, "path", None) or variable.name).lower()
        new = old
        if np.issubdtype(old.dtype, np.floating) or old.dtype.name == "bfloat16":
            new = trained_like(name, old.shape, generator).astype(old.dtype)
        values.append(new)
    model.set_weights(values)
    for layer in getattr(model, "layers", []):
        if hasattr(layer, "finalize_state"):  # Normalization computes with a copy of its moments
            layer.finalize_state()


def trained_like(name, shape, generator):
    """Return random values for a variable of this name and shape."""
    if "variance" in name or "running_std" in name:
        return generator.uniform(0.5, 1.5, shape)
    if "gamma" in name or "factor" in name or "gain" in name:
        return generator.uniform(0.7, 1.3, shape)
    if "alpha" in name:
        return generator.uniform(0.1, 0.4, shape)
    if len(shape) >= 2:
        fan = np.prod(shape) / (shape[-1] if len(shape) == 2 else max(shape[0], shape[-1]))
        return generator.normal(0, math.sqrt(1.6 / max(fan, 1)), shape)
    return generator.normal(0, 0.2, shape)


def fixed_inputs(model, marks, generator):
    """Return two inputs, unlike each other and of few distinct values so that they pack well, for each input of the model."""
    shapes = marks.get("inputs") or model.input_shape
    shapes = [shapes] if not isinstance(shapes, list) else shapes
    size = list(marks.get("size", (12, 12)))
    low, high = marks.get("low", -2.0), marks.get("high", 2.0)
    arrays = []
    for shape in shapes:
        full = (2, *(size.pop(0) if side is None else side for side in shape[1:]))
        parts = generator.integers(0, 256, full)
        parts[1] = parts[1] // 4 + generator.integers(0, 192, (parts.ndim - 2) * (1,) + full[-1:])
        arrays.append((low + (high - low) * parts / 256.0).astype("float32"))
    return arrays


def outputs_of(kit, entry, model, inputs):
    """Return the writing version's outputs; a channels_first network that this CPU cannot run is run by its channels_last twin."""
    if kit.family != "multi1" and entry["marks"].get("layout") == "channels_first" and not kit.theano:
        twin = entry["build"](kit, "channels_last")
        twin.set_weights(model.get_weights())
        model, inputs = twin, [np.moveaxis(array, 1, -1) for array in inputs]
    batch = inputs if len(inputs) > 1 else inputs[0]
    results = model.predict(batch) if kit.multi else model.predict(batch, verbose=0)
    return [np.asarray(result, "float32") for result in (results if isinstance(results, list | tuple) else [results])]


def save(model, kit, form, stem):
    """Save in one form; return the name of the file to load and of its companions, by option."""
    if form == "json":
        (kit.folder / f"{stem}.json").write_text(json.dumps(json.loads(model.to_json()), indent=None) + "\n")
        saved = []
        if kit.family != "keras3":
            model.save_weights(str(kit.folder / f"{stem}_weights.h5"))
            saved.append((f"{stem}_weights.h5", {"architecture": f"{stem}.json"}))
        if not kit.multi:
            model.save_weights(str(kit.folder / f"{stem}.weights.h5"))
            saved.append((f"{stem}.weights.h5", {"architecture": f"{stem}.json"}))
        return saved
    path = kit.folder / f"{stem}.{form}"
    model.save(str(path))
    saved = [(path.name, {})]
    if form == "keras" and kit.tag == "tf212":  # its .keras is HDF5 unless this is said
        path = kit.folder / f"{stem}_zip.keras"
        model.save(str(path), save_format="keras")
        saved.append((path.name, {}))
    return saved


def write(kit, name, entry):
    """Build, save and describe one case; return its entries for corpus.json."""
    kit.clear()
    stem = f"{kit.tag}_{name.removeprefix('one_')}"
    marks = dict(entry["marks"])
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    np.random.seed(1)
    model = entry["build"](kit)
    randomised(model, generator)
    inputs = fixed_inputs(model, marks, generator)
    outputs = outputs_of(kit, entry, model, inputs)
    check_outputs(stem, outputs)
    arrays = {f"x{index}": array for index, array in enumerate(inputs)} | {f"y{index}": array for index, array in enumerate(outputs)}
    if "refused" not in marks:
        np.savez_compressed(kit.folder / f"{stem}.npz", **arrays)
    described = []
    for form in entry["forms"] if wanted(kit) else entry["everywhere"]:
        if form == "keras" and kit.multi and name != "sequential":  # an HDF5 file by another name: once is enough
            continue
        try:
            saved = save(model, kit, form, stem)
        except Exception as error:
            print(f"  {stem} as {form} left out: {type(error).__name__}: {str(error)[:300]}")
            continue
        described += [entry_for(kit, entry, marks, file, stem, form, companions) for file, companions in saved]
    return described


def entry_for(kit, entry, marks, file, stem, form, companions):
    """Return one line of corpus.json."""
    line = {
        "file": file,
        "archive": f"{kit.tag}.tar.xz",
        "data": f"{stem}.npz",
        "writer": kit.writer,
        "form": form,
        "exercises": entry["exercises"],
        "load": {},
    }
    line["load"] = marks.get("load", {}) | companions
    line["tolerance"] = marks.get("tolerance", 1e-5)
    line["image"] = marks.get("image", True)
    line["layout"] = "channels_first" if kit.first and line["image"] else marks.get("layout", "channels_last")
    for mark in ("refused", "several_inputs", "subclassed"):
        if mark in marks:
            line[mark] = marks[mark]
    if "refused" in line:
        del line["data"]
    return line


def check_outputs(stem, outputs):
    """Stop where outputs would prove nothing: not finite, constant, or the same for both images."""
    for output in outputs:
        assert np.isfinite(output).all(), stem
    spread = max(float(np.abs(output[0] - output[1]).max()) for output in outputs)
    scale = max(float(np.abs(output).max()) for output in outputs)
    if spread < 1e-3 * scale:
        print(f"  {stem}: the two images give nearly the same outputs ({spread:.1e} of {scale:.1e})")


def main():
    """Write the cases of this environment and bring corpus.json up to date."""
    parser = argparse.ArgumentParser(description="Write a part of tests/corpus under the Keras installed here.")
    parser.add_argument("writer", choices=["tf", "keras3", "multi"])
    parser.add_argument("--sources", help="multi: a folder with the sources of Keras 1 or 2 inside")
    parser.add_argument("--on", choices=["tensorflow", "theano"], default="tensorflow", help="multi: the backend")
    parser.add_argument("--first", action="store_true", help="multi: channels first ('th' ordering in Keras 1)")
    parser.add_argument("--graph", action="store_true", help="tf: build as TensorFlow 1 did, with operators as TensorFlowOpLayer")
    parser.add_argument("--only", help="names of cases, with commas")
    options = parser.parse_args()
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    with tempfile.TemporaryDirectory() as scratch:
        if options.writer == "multi":
            kit = multi_kit(options.sources, options.on, options.first, scratch)
        else:
            kit = tf_kit(options.graph) if options.writer == "tf" else keras3_kit()
        kit.folder = Path(scratch) / "files"
        kit.folder.mkdir()
        write_all(kit, options.only.split(",") if options.only else None)


def write_all(kit, only):
    """Write every case of this kit, or those named; a case that this version cannot build is said and left out."""
    written = []
    for name, entry in CASES.items():
        asked = name in only if only is not None else entry["everywhere"] or wanted(kit)
        if kit.family not in entry["on"] or not asked:
            continue
        try:
            written += write(kit, name, entry)
        except Exception as error:
            print(f"  {kit.tag}_{name} left out: {type(error).__name__}: {str(error).splitlines()[0][:300] if str(error) else ''}")
        finally:
            if kit.family in ("tf", "keras3"):
                kit.keras.mixed_precision.set_global_policy("float32")
    register_written(kit, written, only)
    print(f"{kit.writer}: {len(written)} files")


def wanted(kit):
    """Return whether this version writes every case, not only the few that every version writes."""
    return kit.full or (kit.multi and kit.version in ("1.2.2", "2.2.4"))


def register_written(kit, written, only):
    """Pack this kit's files and replace its lines in corpus.json; with `only`, the other cases stay as they are."""
    path, archive = CORPUS / "corpus.json", CORPUS / f"{kit.tag}.tar.xz"
    lines = json.loads(path.read_text()) if path.exists() else []
    fresh = {line["file"] for line in written}
    kept = [line for line in lines if line["file"] not in fresh and (only is not None or line["archive"] != archive.name)]
    if only is not None and archive.exists():
        with tarfile.open(archive) as old:
            for member in old:
                if not (kit.folder / member.name).exists():
                    old.extract(member, kit.folder, filter="data")
    lines = sorted([*kept, *written], key=lambda line: (line["archive"], line["file"]))
    path.write_text("[\n" + ",\n".join(json.dumps(line) for line in lines) + "\n]\n")
    pack(kit.folder, archive)


def pack(folder, archive):
    """Put a folder's files into an archive that is the same for the same files."""
    with tarfile.open(archive, "w:xz", preset=9) as packed:
        for file in sorted(folder.iterdir()):
            member = packed.gettarinfo(file, file.name)
            member.mtime, member.uid, member.gid, member.uname, member.gname, member.mode = 0, 0, 0, "", "", 0o644
            with file.open("rb") as stream:
                packed.addfile(member, stream)


if __name__ == "__main__":
    main()
