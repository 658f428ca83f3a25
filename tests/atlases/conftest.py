"""A small network of three layers with units, pictures in folders with hostile names, and a run of both."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from drawing import CLASSES, COUNT, draw

from convscope import atlas
from convscope.atlases.subject import subject_of
from convscope.backend import keras
from convscope.models import load
from convscope.network.network import as_network
from convscope.options import check_options
from convscope.scanning import scan
from networks import awake, model_of


@pytest.fixture(scope="session")
def small():
    layers = keras.layers
    network = model_of(
        layers.Conv2D(20, 3, padding="same", activation="relu", name="first"),
        layers.MaxPooling2D(2, name="pool"),
        layers.Conv2D(17, 3, padding="same", activation="relu", name="search"),  # the name of a route of the pages
        layers.GlobalAveragePooling2D(name="average"),
        layers.Dense(3, activation="softmax", name="classes"),
        shape=(16, 16, 3),
    )
    return load(awake(network), preprocess="unit", labels=list(CLASSES))


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("photos"), COUNT)


@pytest.fixture(scope="session")
def run(small, photos, tmp_path_factory):
    return scan(small, photos, out=tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="session")
def whole(small, run, tmp_path_factory):
    """The atlas of the run, complete."""
    return atlas(small, run=run, out=tmp_path_factory.mktemp("whole") / "atlas")


@pytest.fixture(scope="session")
def subject(small, run):
    """What that atlas is of."""
    return subject_of(run, as_network(small), "all", {}, check_options(atlas, {}))
