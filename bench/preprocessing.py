"""How often the preprocessing rule is right: small networks trained on photographs under each recipe, then asked without being told.

python bench/preprocessing.py [--steps 150]

Networks with BatchNorms learn by how much a crop of scikit-learn's two photographs is turned; the rule measures with convscope's own
photographs. Networks without (small ones, and heads on the embedded VGG16) learn that, clothes or digits, and answer with their scores.
Prints a table of what was found for each recipe and architecture.
"""

import argparse

import numpy as np
from sklearn.datasets import load_digits, load_sample_images

import convscope
from convscope import assets
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


def small(classes):
    picture = value = keras.Input((SIDE, SIDE, 3))
    for filters in (16, 32, 48):
        value = layers.MaxPooling2D()(layers.Conv2D(filters, 3, padding="same", activation="relu")(value))
    return keras.Model(picture, layers.Dense(classes, activation="softmax")(layers.Dense(64, activation="relu")(layers.Flatten()(value))))


def head(classes, pooled=True):
    """Return a head on the frozen trunk of VGG16, which is a network in it; `pooled` or flattened."""
    trunk = convscope.load("vgg16", weights="embedded").network
    trunk.trainable = False
    picture = keras.Input((SIDE, SIDE, 3))
    value = trunk(picture)
    value = layers.GlobalAveragePooling2D()(value) if pooled else layers.Dense(96, activation="relu")(layers.Flatten()(value))
    return keras.Model(picture, layers.Dense(classes, activation="softmax")(value))


def clothes(count):
    with np.load(assets.path("fashion_test.npz")) as data:
        arrays = [data[name] for name in data.files]
    images = next(one for one in arrays if one.ndim == 3)[:count] / np.float32(255)
    return in_colour(images), next(one for one in arrays if one.ndim == 1)[:count].astype(int)


def digits(count):
    found = load_digits()
    return in_colour(found.images[:count].astype(np.float32) / 16), found.target[:count]


def turned(count):
    batches = [crops(np.random.default_rng(seed)) for seed in range(-(-count // BATCH))]
    return np.concatenate([one for one, _ in batches])[:count], np.concatenate([two for _, two in batches])[:count]


def in_colour(images):
    places = np.arange(SIDE) * images.shape[1] // SIDE
    return np.repeat(images[:, places][:, :, places][..., None], 3, axis=-1)


def without_norms(seed):
    """Print what is found of networks without BatchNorms; return how many were right, wrong, and said to be open."""
    counts = {"right": 0, "wrong": 0, "open": 0}
    for kind, network, epochs in (("small", small, 6), ("vgg16, pooled", head, 40), ("vgg16, flat", lambda n: head(n, False), 20)):
        for data in (clothes, digits, turned):
            for habit in ("none", "unit", "caffe", "symmetric"):
                pictures, labels = data(500)
                keras.utils.set_random_seed(seed)
                model = network(int(labels.max()) + 1)
                learn(model, PREPROCESSINGS[habit].apply(pictures), labels, epochs)
                bundle = convscope.load(model)
                readings = (bundle.preprocessing.name, *bundle.alternatives)
                found = "wrong" if habit not in readings else "right" if habit == readings[0] else "open"
                counts[found] += 1
                print(f"{kind:<14} {data.__name__:<8} trained with {habit:<10} {found:<6} {' or '.join(readings)}", flush=True)
    return counts


def learn(model, pictures, labels, epochs):
    """Train a network; the features of a frozen trunk are computed once."""
    frozen = [layer for layer in model.layers if not layer.trainable and layer.weights]
    trained = model
    if frozen:
        pictures = frozen[0].predict(pictures, verbose=0)
        trained = keras.Sequential([keras.Input(pictures.shape[1:]), *model.layers[model.layers.index(frozen[0]) + 1 :]])
    trained.compile("adam", "sparse_categorical_crossentropy")
    trained.fit(pictures, labels, epochs=epochs, verbose=0)


def trained(architecture, recipe, channels, steps):
    picture = keras.Input((SIDE, SIDE, channels), name="image")
    scores = layers.Dense(4)(layers.GlobalAveragePooling2D()(architecture(picture)))
    model = keras.Model(picture, scores)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    rng = np.random.default_rng(0)
    for _ in range(steps):
        batch, turns = crops(rng)
        batch = batch if channels == 3 else batch.mean(axis=-1, keepdims=True)
        model.train_on_batch(np.ascontiguousarray(recipe.apply(batch)), turns)
    return model


def crops(rng):
    """Return a batch of crops of scikit-learn's photographs and by how many right angles each was turned."""
    photographs = [image.astype(np.float32) / 255 for image in load_sample_images().images]
    found, turns = [], rng.integers(0, 4, BATCH)
    for turn in turns:
        image = photographs[rng.integers(len(photographs))]
        size = int(rng.integers(SIDE, 300))
        top, left = (int(rng.integers(0, side - size + 1)) for side in image.shape[:2])
        places = np.linspace(0, size - 1, SIDE).astype(int)
        found.append(np.rot90(image[top : top + size, left : left + size][np.ix_(places, places)], turn))
    return np.stack(found), turns


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    print("without BatchNorms:", without_norms(options.seed), flush=True)
    steps = options.steps
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
