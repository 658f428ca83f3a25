"""Executors and measures as a user writes them, in a module of their own, so that other processes can import them."""

import concurrent.futures
import itertools
import pickle
import random
from collections.abc import Mapping

import numpy as np

from convscope.images import Fit
from convscope.scanning import Measure, MeasuredLayer, NetworkMeasure, Numbers


class Pool:
    """Threads of this process, a few shards at a time."""

    def __init__(self, threads):
        self.threads = threads

    def map(self, function, items):
        waiting = iter(items)
        with concurrent.futures.ThreadPoolExecutor(self.threads) as pool:
            running = {pool.submit(function, item) for item in itertools.islice(waiting, 2 * self.threads)}
            while running:
                done, running = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
                running |= {pool.submit(function, item) for item in itertools.islice(waiting, len(done))}
                for future in done:
                    yield future.result()


class Elsewhere:
    """Another machine, as far as it can be seen from here: function, items and results go as bytes, in any order, some twice."""

    def __init__(self, seed=0):
        self.random = random.Random(seed)

    def map(self, function, items):
        there = pickle.loads(pickle.dumps(function))
        waiting = [pickle.dumps(item) for item in items]
        self.random.shuffle(waiting)
        for item in waiting:
            result = pickle.dumps(there(pickle.loads(item)))
            yield pickle.loads(result)
            if self.random.random() < 0.3:
                yield pickle.loads(result)


class Brightness(NetworkMeasure):
    """convscope's own measure and two columns more."""

    columns: Mapping[str, str] = {"brightness": "float32", "white": "int64"}

    def extra(self, pixels, numbers):
        return {"brightness": pixels.mean(axis=(1, 2, 3)), "white": (pixels > 0.9).sum(axis=(1, 2, 3))}


class Ink(Measure):
    """No network at all: how much light is in each quarter of a picture, to some power."""

    layers = (MeasuredLayer("quarters", 4, (2, 2), 0),)
    batch, fit, features, feature_layer = 16, Fit(1, (28, 28)), 2, "rows and columns of light"

    def __init__(self, network, layers, precision, power=1.0):
        self.settings = {"power": power}
        self.power = power

    def __call__(self, pixels):
        light = (pixels[..., 0].reshape(-1, 2, 14, 2, 14).mean(axis=(2, 4)) ** self.power).astype(np.float32)
        count = len(pixels)
        places = np.tile(np.arange(4, dtype=np.int32), (count, 1))
        features = np.stack([light.sum(axis=(1, 2)), light[:, 0].sum(axis=1)], axis=1)
        return Numbers(light.reshape(count, 4), places, features, np.full(count, -1, np.int32), np.full(count, np.nan, np.float32))


class Cut(Ink):
    def __call__(self, pixels):
        numbers = super().__call__(pixels)
        return Numbers(numbers.values[:, :3], numbers.places, numbers.features, numbers.predicted, numbers.probability)
