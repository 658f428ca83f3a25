"""Trains the embedded small network `fashion` on Fashion-MNIST and writes it with 2,000 test images.

Run with `python tools/train_fashion.py`; the 70,000 images come from Debian's package `dataset-fashion-mnist`.
Only Keras is used, so the script runs on every backend that KERAS_BACKEND names.
On a CPU with bfloat16 instructions mixed precision takes less than half the time of float32 (on TensorFlow 15 instead
of 37 seconds an epoch on two cores); the saved network is a float32 one either way.
"""

import argparse
import gzip
import math
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy
from keras import layers

DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
ASSETS = Path(__file__).resolve().parents[1] / "src" / "convscope" / "assets"
CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
LOWEST_ACCURACY = 0.92
IMAGES_PER_CLASS = 200
BATCH_SIZE = 128
LARGEST_SHIFT = 2
SEED = 2026


def read_idx(file: Path) -> numpy.ndarray:
    """Return the unsigned bytes of a gzipped idx file in their shape.

    The header is two zero bytes, the type code 8, the number of dimensions, then one big-endian 32-bit length per
    dimension (the format of MNIST, which Fashion-MNIST keeps).
    """
    content = gzip.decompress(file.read_bytes())
    if content[:3] != b"\x00\x00\x08":
        raise SystemExit(f"{file} is no idx file of unsigned bytes")
    dimensions = content[3]
    shape = numpy.frombuffer(content, ">u4", dimensions, offset=4)
    return numpy.frombuffer(content, numpy.uint8, offset=4 + 4 * dimensions).reshape(shape)


def load_split(folder: Path, split: str) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Return images (count, 28, 28) and labels of `split`, which is "train" or "t10k"."""
    files = [folder / f"{split}-images-idx3-ubyte.gz", folder / f"{split}-labels-idx1-ubyte.gz"]
    for file in files:
        if not file.is_file():
            raise SystemExit(
                f"{file} is missing: install the images with `apt-get install dataset-fashion-mnist`, "
                "or name the folder of the four idx.gz files with --data"
            )
    return read_idx(files[0]), read_idx(files[1])


def to_input(images: numpy.ndarray) -> numpy.ndarray:
    """Return uint8 images as the network wants them: float32 in [0, 1] with one channel at the end."""
    return images[..., None].astype("float32") / 255


def augment(images: numpy.ndarray, random: numpy.random.Generator) -> numpy.ndarray:
    """Return a copy of the images, each mirrored or not and shifted by up to LARGEST_SHIFT pixels over black."""
    height, width = images.shape[1:]
    padded = numpy.pad(images, ((0, 0), (LARGEST_SHIFT, LARGEST_SHIFT), (LARGEST_SHIFT, LARGEST_SHIFT)))
    offsets = random.integers(0, 2 * LARGEST_SHIFT + 1, (len(images), 2))
    rows = offsets[:, 0, None] + numpy.arange(height)
    mirrored = random.random(len(images))[:, None] < 0.5
    columns = offsets[:, 1, None] + numpy.where(mirrored, numpy.arange(width)[::-1], numpy.arange(width))
    return padded[numpy.arange(len(images))[:, None, None], rows[:, :, None], columns[:, None, :]]


class AugmentedImages(keras.utils.PyDataset):
    """The training images in a new order each epoch, augmented here so that the saved model stays free of it."""

    def __init__(self, images: numpy.ndarray, labels: numpy.ndarray) -> None:
        """Keep images and labels and draw the order of the first epoch."""
        super().__init__()
        self.images = images
        self.labels = labels
        self.random = numpy.random.default_rng(SEED)
        self.on_epoch_end()

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return math.ceil(len(self.images) / BATCH_SIZE)

    def __getitem__(self, index: int) -> tuple[numpy.ndarray, numpy.ndarray]:
        """Return the inputs and labels of one batch, augmented anew at every call."""
        chosen = self.order[index * BATCH_SIZE : (index + 1) * BATCH_SIZE]
        return to_input(augment(self.images[chosen], self.random)), self.labels[chosen]

    def on_epoch_end(self) -> None:
        """Draw the order of the next epoch."""
        self.order = self.random.permutation(len(self.images))


def convolution(name: str, filters: int) -> layers.Layer:
    """Return a 3x3 convolution with ReLU, the unit that VGG16 is built from."""
    return layers.Conv2D(filters, 3, padding="same", activation="relu", kernel_initializer="he_normal", name=name)


def build_network(precision: str) -> keras.Model:
    """Return the untrained network under the dtype policy `precision`, its softmax always in float32.

    The layers bear VGG16's names, each pooling is 2x2 as in VGG16 and no layer normalises the input.
    """
    keras.config.set_dtype_policy(precision)
    image = keras.Input((28, 28, 1), name="image")
    signal = image
    for block, widths in enumerate([(32, 32), (64, 64), (128,)], start=1):
        for position, filters in enumerate(widths, start=1):
            signal = convolution(f"block{block}_conv{position}", filters)(signal)
        signal = layers.MaxPooling2D(2, name=f"block{block}_pool")(signal)
    signal = layers.Flatten(name="flatten")(signal)
    signal = layers.Dropout(0.5, name="dropout")(signal)
    signal = layers.Dense(128, activation="relu", kernel_initializer="he_normal", name="dense1")(signal)
    predictions = layers.Dense(len(CLASS_NAMES), activation="softmax", dtype="float32", name="predictions")(signal)
    keras.config.set_dtype_policy("float32")
    return keras.Model(image, predictions, name="fashion")


def train(folder: Path, epochs: int, precision: str) -> keras.Model:
    """Return the trained network as a float32 twin, whatever precision it was trained in, without optimizer."""
    batches = AugmentedImages(*load_split(folder, "train"))
    network = build_network(precision)
    steps = epochs * len(batches)
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps - steps // 10, warmup_target=1.5e-3, warmup_steps=steps // 10)
    optimizer = keras.optimizers.AdamW(rate, weight_decay=0.01)
    network.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    network.fit(batches, epochs=epochs, shuffle=False, verbose=2)
    twin = build_network("float32")
    twin.set_weights(network.get_weights())
    return twin


def accuracy_of(file: Path, images: numpy.ndarray, labels: numpy.ndarray) -> float:
    """Return the share of images that the saved network, read back from its file, puts in the right class."""
    network = keras.models.load_model(file, compile=False, safe_mode=True)
    predictions = network.predict(to_input(images), batch_size=500, verbose=0)
    return float(numpy.mean(predictions.argmax(axis=-1) == labels))


def test_sample(images: numpy.ndarray, labels: numpy.ndarray) -> dict[str, numpy.ndarray]:
    """Return the first IMAGES_PER_CLASS test images of each class, class after class in turn.

    In this order the first images, however many are taken, hold all classes alike.
    """
    firsts = [numpy.flatnonzero(labels == label)[:IMAGES_PER_CLASS] for label in range(len(CLASS_NAMES))]
    chosen = numpy.stack(firsts, axis=1).ravel()
    return {
        "images": images[chosen],
        "labels": labels[chosen].astype(numpy.int64),
        "names": numpy.array(CLASS_NAMES),
    }


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DEBIAN_FOLDER, help="folder of the four idx.gz files")
    parser.add_argument("--epochs", type=int, default=30, help="passes over the 60,000 training images")
    parser.add_argument("--out", type=Path, default=ASSETS, help="folder that gets the three files")
    parser.add_argument(
        "--precision",
        choices=["float32", "mixed_bfloat16"],
        default="mixed_bfloat16",
        help="dtype policy while training",
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, measure the saved file on the 10,000 test images, and replace the assets only if it is good enough."""
    options = parse(arguments)
    keras.utils.set_random_seed(SEED)
    test_images, test_labels = load_split(options.data, "t10k")
    started = time.perf_counter()
    network = train(options.data, options.epochs, options.precision)
    print(f"trained {network.count_params():,} parameters in {time.perf_counter() - started:.0f} s")
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.out) as scratch:
        file = Path(scratch) / "fashion.keras"
        network.save(file)
        accuracy = accuracy_of(file, test_images, test_labels)
        print(f"accuracy on {len(test_labels):,} test images: {accuracy:.4f}")
        if accuracy < LOWEST_ACCURACY:
            print(f"below {LOWEST_ACCURACY:.2f}: nothing in {options.out} was replaced", file=sys.stderr)
            return 1
        file.replace(options.out / file.name)
    numpy.savez_compressed(options.out / "fashion_test.npz", **test_sample(test_images, test_labels))
    (options.out / "fashion_labels.txt").write_text("\n".join(CLASS_NAMES) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
