"""Units that NaN and infinite weights reach are known whatever a framework makes of them."""

import numpy as np
import pytest

import convscope
from convscope.backend import keras
from convscope.errors import ImageError
from convscope.graph.finite import spoilt_units, weight_notes
from convscope.network.network import as_network
from networks import images, model_of

layers = keras.layers


def network(activation="relu", value=np.nan):
    """Return a network of which one weight of unit 1 of `conv` is not finite."""
    model = model_of(
        layers.Conv2D(4, 3, name="conv"),
        layers.BatchNormalization(name="bn"),
        layers.Activation(activation, name="act"),
        layers.MaxPooling2D(2, name="pool"),
        layers.DepthwiseConv2D(3, activation="relu", name="depthwise"),
        layers.Conv2D(3, 1, activation="relu", name="mixed"),
        layers.GlobalAveragePooling2D(name="average"),
        layers.Dense(5, activation="softmax", name="out"),
        shape=(12, 12, 3),
    )
    kernel, bias = model.get_layer("conv").get_weights()
    kernel[0, 0, 0, 1] = value
    model.get_layer("conv").set_weights([kernel, bias])
    return convscope.load(model, preprocess="none")


@pytest.mark.parametrize("layer", ["conv", "bn", "act", "pool", "depthwise"])
def test_a_nan_weight_spoils_its_unit_until_channels_mix(layer):
    graph = as_network(network()).graph
    assert spoilt_units(graph, graph.find(layer)).tolist() == [False, True, False, False]
    assert spoilt_units(graph, graph.find("mixed")).all() and spoilt_units(graph, graph.find("out")).all()


def test_what_is_infinite_ends_at_a_ceiling():
    capped, rising = (as_network(network(activation, np.inf)).graph for activation in ("relu6", "relu"))
    assert spoilt_units(capped, capped.find("bn")).tolist() == [False, True, False, False]
    assert not spoilt_units(capped, capped.find("act")).any() and not spoilt_units(capped, capped.find("out")).any()
    assert spoilt_units(rising, rising.find("mixed")).all()


def test_which_layer_it_is_is_said():
    graph = as_network(network()).graph
    assert weight_notes(graph, [graph.find("out")])[0].startswith("Weights that are NaN or infinite: in `conv`.")
    assert weight_notes(as_network(convscope.load("fashion")).graph, []) == ()


@pytest.mark.parametrize("value", [np.nan, pytest.param(np.inf, marks=pytest.mark.long)])
def test_such_units_are_called_not_finite_and_neither_silent_nor_dead(tmp_path, value):
    bundle, pixels = network(value=value), images(12, 12, 12, 3)
    run = convscope.scan(bundle, pixels, layers=["conv", "act", "mixed"], out=tmp_path / "run", precision="float32")
    assert run.units("act").count.tolist() == [12, 0, 12, 12] and run.units("mixed").count.tolist() == [0, 0, 0]
    top = convscope.top(bundle, "act:0-1", run=run)
    assert top.not_finite == 1 and [one.is_silent for one in top.patches] == [False, False] and top.patches[1].not_finite == 12
    assert all(one.count == 0 and not one.is_silent for one in convscope.top(bundle, "mixed", run=run).patches)
    found = convscope.dossier(bundle, "act:1", run=run, steps=2)
    assert not np.isfinite(found.score) and found.summary()["synthetic"] == {"score": None, "percentile": None}
    for result in (top, found, convscope.top(bundle, "mixed", run=run)):
        result.save(tmp_path / "out")
    ascent = convscope.ascend(bundle, ["act:0", "act:1"], steps=2)
    assert not ascent.dead.any() and ascent.not_finite[1] and '"not finite"' in ascent.notes[0]
    projected = convscope.deconv(bundle, ["act:0", "act:1"], pixels[:1])
    assert np.isfinite(projected.seeds[0, 0]) and not np.isfinite(projected.seeds[0, 1])
    assert convscope.saliency(bundle, "act:1", pixels[:1]).summary()["scores"] == {"array": None}
    with pytest.raises(ImageError, match="features of `average` are not finite. Weights that are NaN or infinite: in `conv`"):
        convscope.tsne(bundle, pixels)


def test_a_dense_layer_of_nan_draws_words_and_no_zeros(tmp_path):
    from convscope.render.activations import _odd

    found = convscope.activations(network(), "out", images(1, 12, 12, 3))
    found.save(tmp_path / "out.png")
    assert _odd(np.full((5,), np.nan, np.float32))[0].startswith("Not finite: 5 of 5 channels")
