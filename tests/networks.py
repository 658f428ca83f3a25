"""Tiny networks with the same weights on every backend, and short hands for asking the engine about them."""

import contextlib

import numpy as np

from convscope.backend import engine, keras, ops
from convscope.graph.history import flatten
from convscope.graph.projector import Projector


def array(tensor):
    return np.asarray(ops.convert_to_numpy(tensor))


def tensor(values, dtype="float32"):
    return ops.convert_to_tensor(np.asarray(values, dtype=dtype))


def images(*shape, seed=0):
    """Return random images in [0, 1]: all different, so that no pooling window has ties."""
    return np.random.default_rng(seed).uniform(0.0, 1.0, shape).astype("float32")


def signal_like(value, seed=1):
    return np.random.default_rng(seed).normal(size=tuple(value.shape)).astype("float32")


def filled(model, seed=0):
    """Return the model with weights drawn in NumPy: zero mean on the scale of the fan-in; variances and gammas positive."""
    rng = np.random.default_rng(seed)
    for variable in model.variables:
        shape = tuple(variable.shape)
        if "variance" in variable.path or "gamma" in variable.path:
            variable.assign(rng.uniform(0.5, 1.5, shape))
        elif "seed_generator" not in variable.path:
            fan_in = max(int(np.prod(shape[:-1])), 1)
            variable.assign(rng.normal(size=shape) / (np.sqrt(fan_in) if len(shape) > 1 else 10.0))
    return model


def awake(model):
    """Return the model with biases so large that no unit of it sleeps, so that gradient ascent wakes none by further attempts."""
    for layer in model.layers:
        if getattr(layer, "bias", None) is not None:
            layer.bias.assign(np.full(layer.bias.shape, 2.0, "float32"))
    return model


def model_of(*layers, shape=(8, 8, 3), seed=0):
    """Return a functional model of a chain of layers or functions, its weights drawn."""
    image = value = keras.Input(shape, name="image")
    for layer in layers:
        value = layer(value)
    return filled(keras.Model(image, value, name="chain"), seed)


def small(*, side=8, channels=3, classes=3, pool=2, stride=2, activation="relu"):
    """Return conv-relu-pool-conv-relu-pool-dense-softmax; `twins.SmallNet` is its slow twin."""
    layers = keras.layers
    return model_of(
        layers.Conv2D(4, 3, padding="same", activation=activation, name="conv1"),
        layers.MaxPooling2D(pool, stride, name="pool1"),
        layers.Conv2D(5, 3, padding="same", activation=activation, name="conv2"),
        layers.MaxPooling2D(pool, stride, name="pool2"),
        layers.Flatten(name="flatten"),
        layers.Dense(classes, activation="softmax", name="predictions"),
        shape=(side, side, channels),
    )


def residual(shape=(12, 12, 3)):
    """Return a network with what `small` has not: a residual branch, batch normalization, strides, depthwise, padding, a swish gate."""
    layers = keras.layers
    image = keras.Input(shape, name="image")
    stem = layers.ReLU(6.0, name="stem_relu")(layers.BatchNormalization(name="stem_bn")(layers.Conv2D(4, 3, 2, "same", name="stem")(image)))
    wide = layers.Activation("swish", name="swish")(layers.Conv2D(4, 1, name="expand")(stem))
    deep = layers.DepthwiseConv2D(3, name="depthwise")(layers.ZeroPadding2D(1, name="pad")(wide))
    both = layers.Activation("relu", name="both_relu")(layers.Add(name="both")([stem, deep]))
    pooled = layers.GlobalAveragePooling2D(name="gap")(layers.MaxPooling2D(3, 2, "same", name="pool")(both))
    return filled(keras.Model(image, layers.Dense(3, name="logits")(pooled), name="residual"))


def run(model, image, address=None):
    """Return what the flat graph computes at `address`, at the model's first output if None."""
    graph = flatten(model)
    index = graph.outputs[0].call if address is None else graph.find(address).index
    return array(graph.run(tensor(image), [index])[0])


def project(model, image, signal, ruleset, address=None, dtype="float32"):
    """Return `signal` (an array, or a function of the forward value) at a layer, by default the last, projected down to the image."""
    graph = flatten(model)
    call = graph.score(graph.find(address or list(graph.visible)[-1]))
    projector = Projector(graph, tensor(image, dtype), [call])
    if callable(signal):
        signal = signal(array(projector.value(call)))
    return array(projector.project(call, tensor(signal, dtype), ruleset))


def autodiff(function, image, signal, dtype="float32"):
    """Return the framework's own vector-Jacobian product of a function (a model, a layer) at `image`."""
    _, pullback = engine().vjp(function, [tensor(image, dtype)])
    return array(pullback(tensor(signal, dtype))[0])


@contextlib.contextmanager
def float64():
    """Build and compute in float64; JAX must be allowed to."""
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        if keras.config.backend() == "jax":
            import jax

            with jax.enable_x64(True):
                yield
        else:
            yield
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")
