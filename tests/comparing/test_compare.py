"""Two networks compared: with itself, with units in another order, and with one unit silenced."""

import numpy as np
import pytest

import convscope
from convscope.catalogue import DRAWINGS
from convscope.comparing.cka import cka
from convscope.comparing.partners import matched
from convscope.comparing.sight import seen
from convscope.images import as_image_set
from convscope.network.network import as_network
from networks import images, small


@pytest.fixture(scope="module")
def pixels():
    return images(20, 8, 8, 3)


def shuffled(order):
    """Return `small` with the units of conv1 in another order; what follows takes them so."""
    model = small()
    (kernel, bias), (after, more) = (model.get_layer(name).get_weights() for name in ("conv1", "conv2"))
    model.get_layer("conv1").set_weights([kernel[..., order], bias[order]])
    model.get_layer("conv2").set_weights([after[:, :, order], more])
    return model


def test_units_in_another_order_are_found_and_layers_are_the_same(pixels):
    order = [2, 0, 3, 1]
    found = convscope.compare(small(), shuffled(order), pixels)
    for unit, partner, value in zip(found.units, found.partners, found.correlations, strict=True):
        if unit.layer == "conv1" and np.isfinite(value):
            assert partner == convscope.Unit("conv1", order.index(unit.channel)) and value == pytest.approx(1, abs=1e-5)
    assert np.allclose(np.diag(found.cka), 1, atol=1e-5) and found.agreement == 1 and not found.partings
    maps = convscope.compare(small(), shuffled(order), pixels, features="maps")
    assert np.allclose(np.diag(maps.cka), 1, atol=1e-5) and not np.allclose(maps.cka, found.cka, atol=1e-3)


@pytest.mark.once
@pytest.mark.long
def test_cka_is_that_of_the_layers_as_activations_shows_them(pixels):
    first, second = small(), small(classes=4)
    found = convscope.compare(first, second, pixels, features="maps", layers="conv*")
    layers = [[convscope.activations(model, name, pixels).maps.reshape(20, -1) for name in ("conv1", "conv2")] for model in (first, second)]
    assert np.allclose(found.cka, cka(*layers), atol=1e-6)
    means = [
        [convscope.activations(model, name, pixels).maps.mean(axis=(1, 2)) for name in ("conv1", "conv2")] for model in (first, second)
    ]
    assert np.allclose(convscope.compare(first, second, pixels, layers="conv*").cka, cka(*means), atol=1e-5)
    assert found.agreement is None  # three classes and four


@pytest.mark.once
def test_partners_are_those_of_all_pairs_at_once():
    rng = np.random.default_rng(0)
    first, second = (
        {name: rng.random((30, count), np.float32) for name, count in sizes} for sizes in ((("a", 5), ("b", 700)), (("c", 9),))
    )
    second["c"][:, 4] = 1.0  # a unit that is the same on all images
    ours, theirs = matched(first, second)
    profiles = np.log1p(np.concatenate(list(first.values()), axis=1)), np.log1p(second["c"])
    with np.errstate(invalid="ignore"):
        every = np.nan_to_num(np.corrcoef(profiles[0].T, profiles[1].T)[:705, 705:], nan=-2)
    assert [one.channel for one in ours.partners] == every.argmax(axis=1).tolist()
    assert np.allclose(ours.correlations, every.max(axis=1), atol=1e-5)
    assert theirs.partners[4] is None and np.isnan(theirs.correlations[4])


def test_where_predictions_part_the_units_add_up_to_the_difference_of_scores(pixels):
    """The head is linear on a flattened map, so activation times slope is exact: the amounts and the biases are the log odds."""
    first, second = small(), small()
    weights = second.get_layer("predictions").get_weights()
    second.get_layer("predictions").set_weights([weights[0][:, ::-1], weights[1][::-1]])
    found = convscope.compare(first, second, pixels)
    assert found.parted and found.partings
    sight = seen(as_network(first), as_image_set(pixels), "all", "")
    one = found.partings[0]
    image = [source.name for source in sight.sources].index(one.name)
    own = int(sight.predicted[image])
    _, amounts = sight.arguments(image, own, (own + 1) % 3)
    scores = np.log(sight.probabilities[image])
    biases = np.array(first.get_layer("predictions").get_weights()[1])
    expected = scores[own] - scores[(own + 1) % 3] - (biases[own] - biases[(own + 1) % 3])
    assert amounts.sum() == pytest.approx(expected, abs=1e-4)


@pytest.mark.once
def test_a_lesion_shows_in_its_unit_and_the_sheet_says_so(pixels, tmp_path):
    path = tmp_path / "net.keras"
    small().save(path)
    found = convscope.compare(convscope.load(path), convscope.load(path, without="conv1:1"), pixels)
    assert found.namesakes["conv1:1"] != found.namesakes["conv1:1"] and found.namesakes["conv1:0"] == pytest.approx(1, abs=1e-5)
    assert found.notes[0] == "The second network is without conv1:1." and found.paired == "namesakes"
    sheet = DRAWINGS.get("compare")(found)["compare.png"]
    words = " ".join(one.text for one in sheet.words)
    assert "net (first)" in words and "conv1" in words and "units with a partner" in words
    assert found.summary()["without_partner"] == [str(unit) for unit in found.without_partner()]
