"""What every record says of itself."""

from dataclasses import replace

import numpy as np
import pytest

import convscope
from convscope.render.layout import heading_notes
from networks import filled, model_of
from sampling import all_but

SAID = "The picture shows the first three of 7 bands as red, green and blue."
MEAN = "The picture shows the mean of the 2 bands."


def network(bands):
    from convscope.backend import keras

    layers = keras.layers
    return filled(
        model_of(
            layers.Conv2D(4, 3, activation="relu", name="conv"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax", name="out"),
            shape=(12, 12, bands),
        )
    )


def results(model, images, folder):
    bands = images.shape[-1]
    yield convscope.activations(model, "conv", images)
    yield convscope.deconv(model, "conv:1", images)
    yield convscope.saliency(model, "out:1", images)
    yield convscope.ascend(model, "conv:1", steps=1, precision="float32")
    yield convscope.tsne(model, images)
    run = convscope.scan(model, images, out=folder / "run", precision="float32")
    yield convscope.top(model, "conv", run=run)
    yield convscope.dossier(model, "conv:1", run=run, steps=1, precision="float32")
    np.savez(folder / "f.npz", features=images.reshape(len(images), -1)[:, :20], images=images)
    if bands > 4:
        yield convscope.tsne(None, folder / "f.npz")


@pytest.mark.parametrize(("bands", "said"), all_but([(2, MEAN), (7, SAID)], [(1, None), (2, MEAN), (3, None), (7, SAID)]))
def test_a_picture_of_many_bands_says_which_it_shows(bands, said, tmp_path):
    images = np.random.default_rng(0).random((6, 12, 12, bands), np.float32)
    for result in results(network(bands), images, tmp_path):
        notes = [note for note in heading_notes(result) if "bands" in note]
        assert notes == ([said] if said else []), type(result).__name__
        assert [note for note in replace(result).notes if "bands" in note] == notes
