"""`Watch` in a real `fit`: it draws, keeps to its share, survives its own errors, and leaves the training as it is."""

import sys

import numpy as np
import pytest

import convscope
from convscope.backend import keras
from convscope.training import watch as room
from networks import images, small

PIXELS, CLASSES = images(16, 8, 8, 3), np.arange(16) % 3


def trained(*callbacks, epochs=2):
    """Train `small` on 16 images in batches of 4, and return its weights."""
    model = small()
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    model.fit(PIXELS, CLASSES, batch_size=4, epochs=epochs, shuffle=False, verbose=0, callbacks=list(callbacks))
    return model.get_weights()


def test_it_draws_during_fit_and_training_is_the_same_to_the_bit(tmp_path):
    seen = convscope.Watch("conv1:0-1", PIXELS[:4], every=3, budget=None, folder=tmp_path)
    weights = trained(seen)
    assert all(np.array_equal(one, other) for one, other in zip(weights, trained(), strict=True))
    found = seen.evolution
    assert found.checkpoints == ("start", "step 3", "step 6") and seen.failures == 0
    assert len({row[0].value for row in found.looks}) == 3  # each look has the weights of its moment
    assert (tmp_path / "watch.png").stat().st_size > 1000 and 0 < seen.share < 1


@pytest.mark.once
def test_a_look_has_the_weights_of_its_moment(tmp_path):
    kept = []
    other = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(_peak(other.model)))
    seen = convscope.Watch("conv1:0", PIXELS[:4], budget=None, folder=tmp_path, preprocess="unit")
    trained(seen, other)
    assert seen.evolution.values[1:, 0].tolist() == pytest.approx(kept, rel=1e-5)


def _peak(model):
    return float(convscope.activations(convscope.load(model, preprocess="unit"), "conv1", PIXELS[:4]).maps[..., 0].max())


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.mark.once
def test_it_never_takes_more_than_its_share(tmp_path, monkeypatch):
    """A step takes 1 second and a look 3: at a tenth of the time there is one look in 30 steps, and the first waits for its guess."""
    clock = Clock()
    seen = convscope.Watch("conv1:0", PIXELS[:4], every=1, budget=0.1, folder=tmp_path, clock=clock)
    times = []

    def look(self, name):
        times.append(clock.now)
        clock.now += 3

    monkeypatch.setattr(room.Watch, "_look", look)
    seen.on_train_begin()
    for step in range(200):
        clock.now += 1
        seen.on_train_batch_end(step)
        if step > 60:
            assert seen.share <= 0.1
    assert times[0] == 30 and len(times) >= 5 and seen.skipped > 100


@pytest.mark.once
def test_an_error_of_its_own_is_said_once_and_training_continues(tmp_path, capsys):
    seen = convscope.Watch("conv9:0", PIXELS[:4], every=1, budget=None, folder=tmp_path)
    weights = trained(seen)
    said = capsys.readouterr().err
    assert seen.failures == 9 and said.count("could not draw") == 1 and "No layer `conv9`" in said
    assert all(np.array_equal(one, other) for one, other in zip(weights, trained(), strict=True))


@pytest.mark.once
def test_summaries_for_tensorboard_hold_images_and_values(tmp_path):
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_file_loader")
    seen = convscope.Watch("conv1:0-1", PIXELS[:4], budget=None, folder=tmp_path, tensorboard=tmp_path / "logs")
    trained(seen, epochs=1)
    (file,) = (tmp_path / "logs").iterdir()
    events = [value for event in loader.EventFileLoader(str(file)).Load() for value in event.summary.value]
    tags = {value.tag for value in events}
    assert {"convscope/conv1-0/value", "convscope/conv1-1/image"} <= tags and len(events) >= 8


@pytest.mark.once
def test_what_cannot_be_watched_is_one_sentence(monkeypatch, tmp_path):
    for settings, words in (({"every": 0}, "a number of batches"), ({"budget": 2.0}, "a share of the time")):
        with pytest.raises(convscope.ConvscopeError, match=words):
            convscope.Watch("conv1:0", PIXELS, **settings)
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.event_pb2", None)
    with pytest.raises(convscope.ConvscopeError, match="pip install tensorboard"):
        convscope.Watch("conv1:0", PIXELS, tensorboard=tmp_path)
