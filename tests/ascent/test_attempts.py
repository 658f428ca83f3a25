"""What is tried in turn: one's own list, one's own parts, and what a picture records of them."""

import pytest

import convscope
from convscope.ascent import IMAGES, Attempt, fourier, peak_measure, pixels, signed
from convscope.ascent.target import as_targets
from convscope.backend import keras
from convscope.errors import OptionError
from convscope.network.network import as_network
from convscope.replaying import replay, same_bytes
from networks import awake, model_of, small

QUICK = {"size": 16, "precision": "float32"}


@pytest.fixture(scope="module")
def bundle():
    return convscope.load(awake(small(side=16)), preprocess="unit")


@pytest.fixture(scope="module")
def dead():
    """A filter that nothing excites."""
    model = model_of(keras.layers.Conv2D(1, 3, activation="relu", name="conv"), shape=(16, 16, 3))
    layer = model.get_layer("conv")
    layer.set_weights([layer.get_weights()[0] * 0 + 1, layer.get_weights()[1] * 0 - 100])
    return convscope.load(model, preprocess="unit")


def test_own_attempts_are_tried_in_turn_and_nothing_else(dead):
    own = [Attempt("mine", steps=2), Attempt("mine", pixels(deviation=0.3), "still", signed(0.1), 3, peak_measure)]  # of one name
    seen = []
    found = convscope.ascend(dead, "conv:0", attempts=own, watch=lambda stage: seen.append((stage.step, stage.steps)), **QUICK)
    assert seen == [(1, 2), (2, 2), (1, 3), (2, 3), (3, 3)]
    assert found.dead.tolist() == [True]
    assert any("Tried: mine; mine." in note for note in found.notes)


@pytest.mark.parametrize("part", [{"image": fourier(decay=2.0)}, {"transforms": "still"}, {"update": "signed"}, {"image": "pixels"}])
def test_where_a_part_is_replaced_nothing_else_is_tried(dead, part):
    seen = []
    found = convscope.ascend(dead, "conv:0", steps=2, watch=seen.append, **part, **QUICK)
    assert len(seen) == 2
    assert found.dead.tolist() == [True]


def test_one_part_replaced_leaves_the_others(bundle):
    targets = as_targets(as_network(bundle), "conv2:0")
    (standard, *_), replaced = (
        convscope.ascend_all(bundle, "conv2:0", steps=5, **own).climber.attempts(targets) for own in ({}, {"transforms": "still"})
    )
    assert len(replaced) == 1
    assert replaced[0].steps == standard.steps == 5
    assert replaced[0].transforms(64) == []
    assert len(standard.transforms(64)) == 3


@pytest.fixture
def named_image():
    image = IMAGES.register("calm waves", fourier(contrast=0.5))
    yield image
    IMAGES._entries.pop("calm waves")


def test_a_picture_of_named_parts_is_made_again_and_one_of_unnamed_parts_is_refused(named_image, tmp_path):
    awake(small(side=16)).save(tmp_path / "small.keras")
    bundle = convscope.load(tmp_path / "small.keras", preprocess="unit")
    named = convscope.ascend(bundle, "conv2:0", image=named_image, update="signed", steps=3, **QUICK)
    assert (named.provenance.parameters["image"], named.provenance.parameters["update"]) == ("calm waves", "signed")
    assert "transforms" not in named.provenance.parameters
    named.save(tmp_path / "named.png")
    assert same_bytes(replay(tmp_path / "named.png"), tmp_path / "named.png")
    for part in ({"image": fourier(contrast=0.5)}, {"transforms": []}, {"update": signed(0.2)}, {"attempts": [Attempt("mine", steps=2)]}):
        convscope.ascend(bundle, "conv2:0", steps=None if "attempts" in part else 2, **part, **QUICK).save(tmp_path / "own.png")
        with pytest.raises(OptionError, match="Python object without a name"):
            replay(tmp_path / "own.png")
