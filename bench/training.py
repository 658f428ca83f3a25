"""Figure 4 of Zeiler & Fergus for the embedded network, trained again from nothing, and what `Watch` costs meanwhile.

    python bench/training.py FOLDER [--epochs 12] [--budget 0.05]

Trains the architecture of `fashion` on the embedded articles, keeps a checkpoint after each epoch, and draws units through them. The same
training runs three times: alone, with `Watch` within its budget, and with `Watch` without one.
"""

import argparse
import resource
import time
from pathlib import Path

import numpy as np

import convscope as cs
from convscope.backend import keras
from convscope.images import Fit, ImageStream, as_image_set

UNITS = ("block1_conv1:3", "block2_conv1:5", "block2_conv2:7", "block3_conv1:5", "block3_conv1:20")


def articles(bundle):
    """Return the embedded articles and their classes."""
    stream = ImageStream(as_image_set("sample:fashion"), Fit(bundle.channels, bundle.size))
    pixels = np.stack([image for image, _ in stream])
    return pixels, np.array([bundle.labels.index(source.label) for source in stream.read])


def cpu():
    return sum(resource.getrusage(resource.RUSAGE_SELF)[:2])


def train(bundle, pixels, classes, epochs, *callbacks):
    """Train the architecture from the same random weights, and return the seconds of CPU and of the clock."""
    keras.utils.set_random_seed(0)
    model = keras.models.clone_model(bundle.network)
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    before, start = cpu(), time.perf_counter()
    told = model.fit(pixels, classes, batch_size=32, epochs=epochs, verbose=0, callbacks=list(callbacks))
    return cpu() - before, time.perf_counter() - start, told.history["accuracy"], model


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--budget", type=float, default=0.05)
    told = parser.parse_args()
    told.folder.mkdir(parents=True, exist_ok=True)
    bundle = cs.load("fashion")
    pixels, classes = articles(bundle)
    train(bundle, pixels, classes, 1)  # what compiles
    keep = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: keep.model.save(told.folder / f"epoch-{epoch + 1:02}.keras"))
    alone = train(bundle, pixels, classes, told.epochs)
    rows = [("alone", *alone[:2], 0, 0.0)]
    for name, budget in ((f"budget {told.budget:g}", told.budget), ("no budget", None)):
        watch = cs.Watch(UNITS, pixels[:200], budget=budget, folder=told.folder / name.replace(" ", "-"), preprocess="unit")
        spent = train(bundle, pixels, classes, told.epochs, watch)
        same = all(np.array_equal(one, other) for one, other in zip(alone[3].get_weights(), spent[3].get_weights(), strict=True))
        rows.append((name, *spent[:2], len(watch.evolution.checkpoints) if watch.evolution else 0, watch.share))
        print(f"{name}: the weights are {'the same to the bit' if same else 'different'}; {watch}")
    print(f"accuracy by epoch: {', '.join(f'{one:.2f}' for one in alone[2])}")
    print("training            CPU s   wall s   looks   share")
    for name, cpu_s, wall, count, share in rows:
        print(f"{name:18}{cpu_s:7.1f}{wall:9.1f}{count:8}{100 * share:7.1f} %")
    train(bundle, pixels, classes, told.epochs, keep)
    checkpoints = sorted(told.folder.glob("epoch-*.keras"))
    start = cpu()
    found = cs.evolve(checkpoints, UNITS, "sample:fashion[0-499]", synthetic=True, steps=48)
    found.save(told.folder / "evolve.png")
    print(
        f"evolve, {len(checkpoints)} checkpoints, {len(UNITS)} units, 500 images: {cpu() - start:.1f} s of CPU, "
        f"{int(found.jumps.sum())} jumps"
    )
    cs.compare(checkpoints[1], checkpoints[-1], "sample:fashion[0-499]").save(told.folder / "compare.png")


if __name__ == "__main__":
    main()
