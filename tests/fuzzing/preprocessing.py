"""Random chains of what authors put before a network, and what convscope makes of them: the first layer must get what the author fed.

A chain is arithmetic that its author wrote for pictures in 0-255, [0, 1] or [-1, 1], in one of many spellings, among augmentation,
resizing, padding, cropping and nesting, on one branch or on several. A chain that computes must be read without a doubt; one that does
not may be read in two ways, and then both must be named.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import convscope
from convscope.backend import keras, ops
from convscope.models.families import FAMILIES

SHORT = 40
SIDE = 24
layers = keras.layers
SLICES_TURN = keras.config.backend() != "torch"  # PyTorch has no step -1
FED = {"none": (255.0, 0.0), "unit": (1.0, 0.0), "symmetric": (2.0, -1.0)}  # what the author makes of pictures in [0, 1]
MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
CAFFE = np.array([103.939, 116.779, 123.68])


@dataclass(frozen=True)
class Front:
    """What an author does to pictures fed as `fed`: channels reversed, then `scale` x + `offset` in each."""

    fed: str
    scale: np.ndarray
    offset: np.ndarray
    reverse: bool = False

    @property
    def computes(self):
        return not (np.all(self.scale == 1) and np.all(self.offset == 0))


def front(rng):
    """Return what an author may do on purpose; one time in eight nothing but perhaps turn the channels."""
    three = np.ones(3)
    mean, deviation = rng.uniform(0.3, 0.7, 3), rng.uniform(0.15, 0.35, 3)
    turned = bool(rng.integers(2))
    shift, spread = rng.uniform(-0.2, 0.2, 3), rng.uniform(0.5, 0.6, 3)  # of natural pictures in [-1, 1]
    choices = [
        lambda: Front("none", three / 255, three * 0),
        lambda: Front("none", three / 127.5, -three),
        lambda: Front("none", three / 128, -three * 127 / 128),
        lambda: Front("none", 1 / (255 * DEVIATION), -MEAN / DEVIATION),
        lambda: Front("none", 1 / (255 * deviation), -mean / deviation, turned),
        lambda: Front("none", three, -CAFFE, True),
        lambda: Front("none", three, -255 * mean),
        lambda: Front("unit", 2 * three, -three),
        lambda: Front("unit", 1 / DEVIATION, -MEAN / DEVIATION),
        lambda: Front("unit", 1 / deviation, -mean / deviation, turned),
        lambda: Front("unit", three, -three / 2),
        lambda: Front("unit", three, -mean),
        lambda: Front("unit", 255 * three, three * 0),
        lambda: Front("unit", 255 * three, -CAFFE, True),
        lambda: Front("unit", -three, three),
        lambda: Front("none", -three / 255, three),
        lambda: Front("symmetric", three / 2, three / 2),
        lambda: Front("symmetric", 127.5 * three, 127.5 * three),
        lambda: Front("symmetric", 1 / spread, -shift / spread),
        lambda: Front("symmetric", 1 / spread, three * 0),
        lambda: Front(str(rng.choice(["none", "unit"])), three, three * 0, turned),
        lambda: Front(str(rng.choice(["none", "unit"])), three, three * 0, turned),
    ]
    return choices[rng.integers(len(choices))]()


def spelled(rng, wanted, code):
    """Return functions, applied one after the other, that compute scale x + offset in one of the ways that authors write it."""
    scale, offset = wanted.scale.astype("float32"), wanted.offset.astype("float32")
    alike = len(set(scale)) == len(set(offset)) == 1
    a, b = (float(scale[0]), float(offset[0])) if alike else (scale, offset)

    def by_channel(value):
        bands = [value[..., one : one + 1] * float(scale[one]) + float(offset[one]) for one in range(3)]
        return layers.Concatenate()(bands)

    def by_split(value):
        bands = [
            ops.add(ops.multiply(band, float(scale[one])), float(offset[one])) for one, band in enumerate(ops.split(value, 3, axis=-1))
        ]
        return ops.concatenate(bands, axis=-1)

    def by_stack(value):
        return ops.stack([value[..., one] * float(scale[one]) + float(offset[one]) for one in range(3)], axis=-1)

    ways = [
        [layers.Rescaling(scale if not alike else a, offset if not alike else b)],
        [lambda value: value * a + b],
        [lambda value: value / (1 / a), lambda value: value + b],
        [lambda value: ops.subtract(ops.multiply(value, a), -b)],
        [layers.Rescaling(1 / 255.0), lambda value: value * (a * 255.0) + b],
        [by_channel],
        [by_split],
        [by_stack],
        [lambda value: ops.subtract(b, value * (-a))],
    ]
    if np.all(scale > 0):
        ways += [[layers.Normalization(mean=-offset / scale, variance=scale**-2.0)], [adapted(-offset / scale, 1 / scale)]] * 2
    if code:
        ways.append([layers.Lambda(lambda value: ops.add(ops.multiply(value, a), b), output_shape=lambda shape: shape)])
    return ways[rng.integers(len(ways))]


def adapted(mean, deviation):
    """Return a Normalization that keeps its moments as weights, as `adapt` leaves them."""
    layer = layers.Normalization()
    pictures = np.stack([mean - deviation, mean + deviation]).astype("float32").reshape(2, 1, 1, 3)
    layer.adapt(pictures)
    return layer


def neutral(rng):
    """Return a layer or function that leaves the numbers of a picture's inside as they are when it is not trained."""
    ways = [
        lambda: layers.RandomFlip(),
        lambda: layers.RandomRotation(0.2),
        lambda: layers.RandomTranslation(0.1, 0.1),
        lambda: layers.RandomZoom(0.2),
        lambda: layers.RandomBrightness(0.3),
        lambda: layers.RandomContrast(0.3),
        lambda: layers.GaussianNoise(0.1),
        lambda: layers.GaussianDropout(0.2),
        lambda: layers.Dropout(0.2),
        lambda: layers.SpatialDropout2D(0.2),
        lambda: layers.Resizing(SIDE + 6, SIDE + 4),
        lambda: layers.ZeroPadding2D(2),
        lambda: layers.Cropping2D(1),
        lambda: layers.CenterCrop(SIDE - 2, SIDE - 4),
        lambda: layers.Activation("linear"),
        lambda: layers.Identity(),
        lambda: layers.Permute((2, 1, 3)),
        lambda: layers.UpSampling2D(2),
        lambda: layers.AveragePooling2D(2),
        lambda: lambda value: ops.pad(value, ((0, 0), (1, 1), (2, 0), (0, 0))),
        lambda: lambda value: value[:, 1:, :-1],
        lambda: lambda value: ops.flip(value, axis=2),
    ]
    return ways[rng.integers(len(ways))]()


def nested(rng, steps, shape):
    """Return steps gathered in a Sequential or a functional model; names say nothing."""
    if rng.integers(2) and all(isinstance(step, keras.Layer) for step in steps):
        return keras.Sequential(steps, name=f"part_{rng.integers(10**6)}")
    picture = value = keras.Input(shape)
    for step in steps:
        value = step(value)
    return keras.Model(picture, value, name=f"part_{rng.integers(10**6)}")


def entered(rng, value, wanted, code=False):
    """Return a picture's tensor led through a random chain that does what `wanted` says."""
    steps = list(spelled(rng, wanted, code)) if wanted.computes else []
    if wanted.reverse:
        turn = [lambda value: ops.flip(value, axis=-1), lambda value: value[..., ::-1]][rng.integers(2 if SLICES_TURN else 1)]
        steps.insert(0, turn)
    for _ in range(rng.integers(0, 4)):
        steps.insert(rng.integers(len(steps) + 1), neutral(rng))
    depth = int(rng.integers(3)) if steps else 0
    for _ in range(depth):
        start = int(rng.integers(len(steps)))
        stop = int(rng.integers(start + 1, len(steps) + 1))
        before = value
        for step in steps[:start]:
            before = step(before)
        inner = nested(rng, steps[start:stop], before.shape[1:])
        steps[start:stop] = [inner]
    for step in steps:
        value = step(value)
    return value


def trunk(family):
    """Return a small network that has the layer names of a family of keras.applications."""
    marks = next(marks for name, marks, _ in FAMILIES if name == family)

    def apply(value):
        value = layers.Conv2D(8, 3, padding="same", name="stem" if "mixed" in marks[0] or "bn" in marks[0] else marks[0])(value)
        for mark in marks:
            if mark == "stem" or (mark == marks[0] and "mixed" not in mark and "bn" not in mark):
                continue
            value = (
                layers.BatchNormalization(name=mark)(value) if "bn" in mark else layers.Conv2D(4, 1, activation="relu", name=mark)(value)
            )
        return value

    return apply


def beginnings():
    """Return what a network may begin its weights with, by name: each family's trunk, and what is none."""
    return {family: trunk(family) for family, _, _ in FAMILIES} | {
        "convolution": lambda value: layers.Conv2D(4, 3, activation="relu")(value),
        "depthwise": lambda value: layers.Conv2D(4, 1)(layers.DepthwiseConv2D(3)(value)),
        "normalised": lambda value: layers.Conv2D(4, 3)(layers.BatchNormalization()(value)),
        "dense": lambda value: layers.Reshape((1, 1, -1))(layers.Dense(4)(layers.Flatten()(value))),
        "branches": lambda value: layers.Concatenate()([layers.Conv2D(4, 3, padding="same")(value), layers.Conv2D(2, 1)(value)]),
        "patches": lambda value: layers.Conv2D(4, 1)(layers.MaxPooling2D(2)(value)),
    }


def built(rng, wanted, beginning, code=False):
    """Return a network behind a random chain, and the chain alone."""
    picture = keras.Input((SIDE, SIDE, 3), name="image")
    arriving = entered(rng, picture, wanted, code)
    value = beginning(arriving)
    if rng.integers(3) == 0:  # what stands behind weights says nothing
        value = layers.Rescaling([1 / 255.0, 255.0][rng.integers(2)])(value)
    value = layers.Dense(3, activation=["softmax", None][rng.integers(2)])(layers.GlobalAveragePooling2D()(value))
    if rng.integers(3) == 0:
        value = layers.Rescaling(255.0, name="to_bytes")(value)
    return keras.Model(picture, value), keras.Model(picture, arriving)


def compared(bundle, chain, wanted):
    """Return how the choice was said ("sure", "doubtful"); raise AssertionError where the first layer gets another input without a word."""
    pictures = np.random.default_rng(5).uniform(0, 1, (2, SIDE, SIDE, 3)).astype("float32")
    scale, offset = FED[wanted.fed]
    right = np.asarray(ops.convert_to_numpy(chain(pictures * scale + offset, training=False)))
    found = np.asarray(ops.convert_to_numpy(chain(np.asarray(bundle.preprocessing.apply(pictures)), training=False)))
    said = bundle.notes[-1]
    assert said.isprintable()
    error = np.abs(found - right).max() / np.ptp(right)
    if bundle.alternatives:
        assert "--preprocess" in said, said
        assert error < 1e-4 or wanted.fed in bundle.alternatives, f"fed {wanted}: {said}"
        assert not wanted.computes or not wanted.offset.any(), f"a doubt about {wanted}: {said}"
        return "doubtful"
    assert error < 1e-4, f"fed {wanted}, error {error:.2g}: {said}"
    return "sure"


def attempt(number: int, folder: Path) -> str:
    rng = np.random.default_rng(number)
    wanted, choices = front(rng), beginnings()
    code = rng.integers(6) == 0  # a Lambda: in memory, as no file with code is read
    model, chain = built(rng, wanted, choices[str(rng.choice(list(choices)))], code)
    return compared(convscope.load(model if code else saved(model, folder, rng.integers(2) == 0)), chain, wanted)


def saved(model, folder, old):
    """Return the file that a model was saved to, in the older format where Keras can."""
    logging.getLogger("absl").setLevel(logging.ERROR)  # Keras calls its older format legacy each time
    try:
        path = folder / ("model.h5" if old else "model.keras")
        model.save(path)
    except TypeError:  # operations on lists of tensors cannot be copied into the older format
        path = folder / "model.keras"
        model.save(path)
    return path
