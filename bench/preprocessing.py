"""How often the preprocessing rule is right: small networks trained on photographs under each recipe, then asked without being told.

python bench/preprocessing.py [--steps 150]

The networks learn by how much a crop of scikit-learn's two photographs is turned; the rule measures with convscope's own photographs.
Prints a table of what was found for each recipe and architecture.
"""

import argparse

import numpy as np
from sklearn.datasets import load_sample_images

import convscope
from convscope.backend import keras
from convscope.models.preprocessing import PREPROCESSINGS, named

SIDE, BATCH = 48, 32
RECIPES = [*PREPROCESSINGS, "127/128", "110/60"]
layers = keras.layers


def norm():
    # The moments of a short training forget their beginning only with a short memory.
    return layers.BatchNormalization(momentum=0.9)


def plain(picture):
    value = picture
    for filters in (16, 24, 32):
        value = layers.ReLU()(norm()(layers.Conv2D(filters, 3, 2, use_bias=False)(value)))
    return value


def after_relu(picture):
    value = picture
    for filters in (16, 24, 32):
        value = norm()(layers.Conv2D(filters, 3, 2, activation="relu")(value))
    return value


def depthwise(picture):
    value = layers.ReLU(6.0)(norm()(layers.Conv2D(16, 3, 2, use_bias=False)(picture)))
    for filters in (24, 32):
        value = layers.ReLU(6.0)(norm()(layers.DepthwiseConv2D(3, 2, use_bias=False)(value)))
        value = norm()(layers.Conv2D(filters, 1, use_bias=False)(value))
    return value


def trained(architecture, recipe, channels, steps):
    picture = keras.Input((SIDE, SIDE, channels), name="image")
    scores = layers.Dense(4)(layers.GlobalAveragePooling2D()(architecture(picture)))
    model = keras.Model(picture, scores)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    rng = np.random.default_rng(0)
    photographs = [image.astype(np.float32) / 255 for image in load_sample_images().images]
    for _ in range(steps):
        crops, turns = [], rng.integers(0, 4, BATCH)
        for turn in turns:
            image = photographs[rng.integers(len(photographs))]
            size = int(rng.integers(SIDE, 300))
            top, left = (int(rng.integers(0, side - size + 1)) for side in image.shape[:2])
            places = np.linspace(0, size - 1, SIDE).astype(int)
            crops.append(np.rot90(image[top : top + size, left : left + size][np.ix_(places, places)], turn))
        batch = np.stack(crops) if channels == 3 else np.stack(crops).mean(axis=-1, keepdims=True)
        model.train_on_batch(np.ascontiguousarray(recipe.apply(batch)), turns)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=150)
    steps = parser.parse_args().steps
    hits = total = 0
    for channels in (3, 1):
        for name in RECIPES:
            if channels == 1 and name in ("caffe", "torch"):
                continue
            for architecture in (plain, after_relu, depthwise):
                bundle = convscope.load(trained(architecture, named(name, channels), channels, steps))
                found = bundle.preprocessing.name if "measured" in bundle.notes[-1] else "not sure"
                hits, total = hits + (found == name), total + 1
                print(
                    f"{channels} channels  {architecture.__name__:<11} trained with {name:<10} found {found:<10} {bundle.notes[-1][-60:]}",
                    flush=True,
                )
    print(f"{hits} of {total} found by name")


if __name__ == "__main__":
    main()
