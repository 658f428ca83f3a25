"""What is climbed, against loops: cells of a map, how alike pictures of one unit are; functions of one's own."""

import numpy as np
import pytest

import convscope
from convscope.ascent.inputs import canvas_of
from convscope.ascent.objective import LEAST_CELL, cell_of, largest, likeness, scored_calls, strongest_of_cells
from convscope.backend import keras, ops
from convscope.errors import UnitError
from convscope.network.addresses import unit_call
from convscope.network.entering import network_input
from convscope.network.network import as_network
from convscope.network.targets import as_targets
from convscope.units import Unit
from networks import array, awake, model_of, small, tensor
from twins import relative_error


def slow_cells(values, high, wide):
    """The mean over whole cells, from the middle, of each one's largest value."""
    count, rows, columns = values.shape
    top, left = (rows % high) // 2, (columns % wide) // 2
    found = []
    for picture in range(count):
        peaks = [
            max(values[picture, i + row, j + column] for row in range(high) for column in range(wide))
            for i in range(top, rows - high + 1, high)
            for j in range(left, columns - wide + 1, wide)
        ]
        found.append(sum(peaks) / len(peaks))
    return found


@pytest.mark.parametrize(
    ("shape", "cell", "sides"), [((12, 12), 3.0, (3, 3)), ((13, 11), 4.4, (4, 4)), ((7, 7), float("inf"), (3, 3)), ((1, 5), 9.0, (1, 2))]
)
def test_cells_equal_a_loop(shape, cell, sides):
    values = np.random.default_rng(0).normal(size=(2, *shape)).astype("float32")
    found = array(strongest_of_cells(cell)(tensor(values), axis=(1, 2)))
    assert relative_error(found, slow_cells(values, *sides)) < 1e-6


def test_targets_score_together_what_each_scores_alone():
    """A normalization behind a ReLU6 turns unit 1 round, so that it is scored behind it and the others before; classes less their mean."""
    layers = keras.layers
    model = model_of(
        layers.Conv2D(3, 3, name="conv"),
        layers.ReLU(6.0),
        layers.BatchNormalization(name="norm"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(3, activation="softmax", name="classes"),
    )
    _, *rest = model.get_layer("norm").get_weights()
    model.get_layer("norm").set_weights([np.array([1.0, -1.0, 2.0]), *rest])
    network = as_network(convscope.load(model, preprocess="unit"))
    pictures = np.random.default_rng(1).uniform(size=(3, 8, 8, 3)).astype("float32")
    for units in ("norm:0-2", "classes:0-2", "norm:2 - norm:1"):
        targets = as_targets(network, units)
        entered = network_input(network.bundle, pictures[: len(targets)])
        together = largest(network.graph, targets, entered)
        alone = [largest(network.graph, [target], entered[row : row + 1])[:, 0] for row, target in enumerate(targets)]
        assert together.shape == (2, len(targets)) and relative_error(together.T, alone) < 1e-6
    assert len({scored_calls(network.graph, [target]) for target in as_targets(network, "norm:0-2")}) == 2


def test_a_cell_is_half_a_receptive_field():
    layers = keras.layers
    model = model_of(
        layers.Conv2D(2, 3, padding="same", name="first"),
        layers.MaxPooling2D(name="pool"),
        layers.Conv2D(2, 9, padding="same", name="second"),
        layers.GlobalAveragePooling2D(name="gap"),
        layers.Reshape((1, 1, 2), name="map"),
        layers.Conv2D(2, 1, name="third"),
        shape=(64, 64, 3),
    )
    graph = as_network(convscope.load(model, preprocess="unit")).graph
    cells = {name: cell_of(graph, unit_call(graph, Unit(name, 0))) for name in ("first", "second", "third")}
    # second: a window of 9 pooled pairs of 3 x 3 sees 9 * 2 + 2 = 20 pixels, in steps of 2
    assert cells == {"first": LEAST_CELL, "second": 20 / 2 / 2, "third": float("inf")}


def test_cells_and_canvas_of_a_network_whose_channels_are_weighed_by_the_whole_map_are_those_of_its_maps():
    layers = keras.layers

    def excited(value):
        return layers.Multiply()([value, layers.Dense(4, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(value))])

    first, last = (layers.Conv2D(4, 19, padding="same", name=name) for name in ("first", "last"))
    network = as_network(convscope.load(model_of(first, excited, last, shape=(64, 64, 3)), preprocess="unit"))
    assert cell_of(network.graph, unit_call(network.graph, Unit("last", 0))) == 37 / 2
    assert canvas_of(network, as_targets(network, "first:0"), None) == (64, 64)
    assert canvas_of(network, as_targets(network, "last:0"), None) == (
        64,
        64,
    )  # half as much again as 37, not 192


def test_likeness_equals_a_loop():
    values = np.random.default_rng(0).normal(size=(4, 3, 2, 5))
    grams = []
    for picture in values:
        flat = np.maximum(picture.reshape(-1, 5), 0)
        gram = sum(np.outer(place, place) for place in flat)
        grams.append(gram / np.linalg.norm(gram))
    expected = [(grams[i] * grams[j]).sum() for i, j in ((0, 1), (1, 0), (2, 3), (3, 2))]
    assert relative_error(array(likeness(tensor(values), 2)), expected) < 1e-5


@pytest.fixture(scope="module")
def bundle():
    return convscope.load(awake(small(side=16)), preprocess="unit")


QUICK = {"size": 16, "precision": "float32"}


def corner(maps):
    return ops.mean(maps[:, :2, :2, 0], axis=(1, 2))


def both(first, second):
    return ops.mean(first[..., 0], axis=(1, 2)) * ops.max(second, axis=-1)


def test_a_function_is_climbed_and_scored_as_the_network_computes_it(bundle):
    objectives = [convscope.objective("conv2", corner), convscope.objective(["conv1", "predictions"], both)]
    found = convscope.ascend(bundle, objectives, steps=8, **QUICK)
    first, second, flat = (convscope.activations(bundle, layer, found.images).maps for layer in ("conv1", "conv2", "flatten"))
    kernel, bias = bundle.network.get_layer("predictions").get_weights()
    assert relative_error(found.scores[0], second[0, :2, :2, 0].mean()) < 1e-5
    assert relative_error(found.scores[1], first[1, ..., 0].mean() * (flat[1] @ kernel + bias).max()) < 1e-5  # before the softmax
    assert (found.courses[-1] > found.courses[0]).all()
    assert [str(unit) for unit in found.units] == ["corner(conv2)", "both(conv1, predictions)"]


def test_a_function_is_a_term_among_others(bundle):
    alone, unit = convscope.objective("conv2", corner), convscope.objective("conv1:2")
    found = convscope.ascend(bundle, 2 * alone - 0.5 * unit, steps=4, **QUICK)
    maps = [convscope.activations(bundle, layer, found.images).maps[0] for layer in ("conv1", "conv2")]
    assert relative_error(found.scores[0], 2 * maps[1][:2, :2, 0].mean() - 0.5 * maps[0][..., 2].max()) < 1e-5


def test_a_function_of_a_silent_relu_leaves_the_noise():
    layer = keras.layers.Conv2D(2, 3, activation="relu", name="conv")
    model = model_of(layer, shape=(16, 16, 3))
    layer.set_weights([layer.get_weights()[0], np.full(2, -1.0, "float32")])
    found = convscope.ascend(
        convscope.load(model, preprocess="unit"),
        convscope.objective("conv", lambda maps: ops.mean(maps[:, :2, :2, 1], axis=(1, 2))),
        steps=40,
        **QUICK,
    )
    assert found.courses[0, 0] == 0
    assert found.scores[0] > 0


def test_a_function_that_nothing_moves_says_so(bundle):
    found = convscope.ascend(
        bundle, convscope.objective("conv2", lambda maps: ops.mean(ops.relu(maps - 1e6), axis=(1, 2, 3))), steps=3, **QUICK
    )
    assert any("`lambda(conv2)` is 0 at every step" in note for note in found.notes)


def failing(maps):
    raise IndexError("no such channel")


@pytest.mark.parametrize(
    ("function", "fact"),
    [
        (failing, "IndexError: no such channel"),
        (lambda maps: ops.mean(maps), r"made shape \(\)"),
        (lambda maps: maps[:, 0, 0], r"made shape \(2, 5\)"),
        (lambda maps: ops.mean(maps, axis=(0, 1, 2)), r"made shape \(5,\)"),
        (lambda maps: ops.mean(ops.cast(maps > 2.0, "float32"), axis=(1, 2, 3)), "has no gradient"),
        (lambda maps: ops.argmax(ops.max(maps, axis=(1, 2)), axis=-1), "returned int"),
    ],
)
def test_a_function_that_cannot_be_climbed_is_refused(bundle, function, fact):
    with pytest.raises(UnitError, match=fact):
        convscope.ascend(bundle, convscope.objective("conv2", function), steps=1, **QUICK)


def test_a_function_of_a_layer_that_is_not_there_is_refused(bundle):
    with pytest.raises(UnitError, match="No layer `conv9`"):
        convscope.ascend(bundle, convscope.objective("conv9", corner))
    with pytest.raises(UnitError, match="Name the layers"):
        convscope.ascend(bundle, [corner])
