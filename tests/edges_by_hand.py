"""A network by hand whose answers are known, scanned on images that hold one edge each; and a judge that needs no network."""

from types import SimpleNamespace

import numpy as np

from convscope.backend import keras
from convscope.trusting import measuring

SIDE = 16
CHECKER = np.indices((3, 3)).sum(axis=0) % 2 * -2.0 + 1.0
EDGE = np.array([[-1.0, 0.0, 1.0]] * 3)
# An edge of each of four directions, a checkerboard and its negative, and light. All but the last are deaf to light.
KERNELS = [EDGE, -EDGE, EDGE.T, -EDGE.T, CHECKER - CHECKER.mean(), CHECKER.mean() - CHECKER, np.full((3, 3), 1 / 9)]
THRESHOLD = 2.5  # only a checkerboard exceeds it
HONEST, FOOLED = 0, 1  # both answer to a vertical edge; one to a checkerboard too, thirty times as much, and no image has one


def by_hand():
    layers = keras.layers
    image = keras.Input((SIDE, SIDE, 1), name="image")
    first = layers.Conv2D(len(KERNELS), 3, activation="relu", name="first")
    second = layers.Conv2D(4, 1, activation="relu", name="second")
    model = keras.Model(image, second(first(image)), name="by_hand")
    first.set_weights([np.stack(KERNELS, axis=-1)[:, :, None], np.array([0, 0, 0, 0, -THRESHOLD, -THRESHOLD, 0])])
    mixed = np.zeros((1, 1, len(KERNELS), 4))
    mixed[0, 0, 0, [HONEST, FOOLED]] = 1
    mixed[0, 0, [4, 5], FOOLED] = 30
    mixed[0, 0, 1, 2], mixed[0, 0, 2, 3] = 1, 1
    second.set_weights([mixed, np.zeros(4)])
    return model


def edge_image(direction, place, light, contrast, rng):
    line = np.where(np.arange(SIDE) < place, light, light + contrast)
    picture = np.tile(line[::-1] if direction % 2 else line, (SIDE, 1))
    picture = picture.T if direction > 1 else picture
    return np.clip(picture + rng.normal(0, 0.01, picture.shape), 0, 1)[..., None].astype("float32")


class PlainJudge:
    """Sees an image as its pixels, smoothed."""

    def __init__(self):
        self._known = {}

    def lacks(self, images):
        return [image for image in dict.fromkeys(images) if image not in self._known]

    def look(self, numbers, images):
        for number, image in zip(numbers, images, strict=True):
            self._known[number] = self.see([image])[0][0]

    def of(self, images):
        return (np.stack([self._known[int(image)] for image in images]),)

    def see(self, images):
        return (np.stack([image[..., 0].reshape(4, len(image) // 4, 4, -1).mean(axis=(1, 3)).ravel() for image in images]),)


def with_pictures(monkeypatch, **pictures):
    """Let the synthetic picture of each unit be a given one, (height, width), by its channel; of others grey."""

    class Given:
        def __init__(self, network, layer, how, seed=0):
            pass

        def of(self, units):
            images = [pictures.get(f"c{unit.channel}", np.full((SIDE, SIDE), 0.5)) for unit in units]
            return SimpleNamespace(images=np.stack(images)[..., None].astype("float32"), scores=np.full(len(units), 3.0, "float32"))

    monkeypatch.setattr(measuring, "Pictures", Given)
