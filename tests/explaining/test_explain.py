"""Explanations of networks in which it is known who argues for what."""

import numpy as np
import pytest

import convscope
from convscope.backend import keras
from networks import array, images, model_of, small
from twins import SmallNet, relative_error, unpool

pytestmark = pytest.mark.once

layers = keras.layers
LABELS = ["red", "green", "blue"]


def pooled(*, activation="softmax"):
    """Return a network whose unit k is the mean of colour k, and whose class k is four times that unit less the next one."""
    model = model_of(
        layers.Conv2D(3, 1, activation="relu", name="colours"),
        layers.GlobalAveragePooling2D(name="gap"),
        layers.Dense(3, activation=activation, name="classes"),
        shape=(6, 6, 3),
    )
    dense = 4 * np.eye(3) - np.roll(np.eye(3), 1, axis=0)
    model.set_weights([np.eye(3).reshape(1, 1, 3, 3), np.zeros(3), dense, np.array([0.1, 0.2, 0.3])])
    return convscope.load(model, labels=LABELS, preprocess="unit")


@pytest.fixture(scope="module")
def bundle():
    return pooled()


def tinted(*colour):
    return np.broadcast_to(np.array(colour, np.float32), (6, 6, 3)).copy()


def test_who_argues_for_a_colour_is_known_and_exact(bundle):
    found = convscope.explain(bundle, tinted(0.9, 0.5, 0.1), against="green", layers="colours", units=3)
    (one,) = found
    (layer,) = one.layers
    assert one.said == "red against green" and one.predicted == "red" and layer.exact
    # Class k is 4 times colour k less colour k + 1; the difference of two classes is linear.
    weights = np.array([4, -1, 0]) - np.array([0, 4, -1])
    np.testing.assert_allclose(layer.contributions, weights * [0.9, 0.5, 0.1], rtol=1e-5)
    assert [str(unit.unit) for unit in layer.pro] == ["colours:0", "colours:2"]
    assert [str(unit.unit) for unit in layer.contra] == ["colours:1"]
    assert layer.total + 0.1 - 0.2 == pytest.approx(one.score, rel=1e-5)
    assert any("exact" in note and "colours" in note for note in found.notes)


def test_against_all_others_the_rivals_count_by_their_probability(bundle):
    image = images(6, 6, 3)
    (one,) = convscope.explain(bundle, image, layers="colours")
    logits = np.log([each.probability for each in sorted(one.classes, key=lambda each: each.channel)])
    chosen = int(logits.argmax())
    others = np.delete(np.arange(3), chosen)
    shares = np.exp(logits[others]) / np.exp(logits[others]).sum()
    dense = 4 * np.eye(3) - np.roll(np.eye(3), 1, axis=0)
    slopes = dense[:, chosen] - dense[:, others] @ shares
    np.testing.assert_allclose(one.layers[0].contributions, slopes * image.mean(axis=(0, 1)), rtol=1e-4)
    assert one.said == f"{LABELS[chosen]} against all others" and one.layers[0].exact
    assert one.score == pytest.approx(logits[chosen] - np.log(np.exp(logits[others]).sum()), rel=1e-4)


def test_elsewhere_a_contribution_is_activation_times_slope(record_error):
    model, image = small(side=12), images(12, 12, 3)
    twin = SmallNet([array(weight) for weight in model.weights])
    steps = twin.forward(image)
    (one,) = convscope.explain(convscope.load(model), image, target="0", against="2", layers="conv2")
    slopes = unpool((twin.dense @ np.array([1.0, 0, -1])).reshape(steps["pool2"].shape), steps["conv2"])
    expected = (steps["conv2"] * slopes).sum(axis=(0, 1))
    layer = one.layers[0]
    assert not layer.exact
    assert record_error("contributions = loops", relative_error(layer.contributions, expected)) <= 1e-5
    for unit in (*layer.pro, *layer.contra):
        products = (steps["conv2"] * slopes)[..., unit.unit.channel] * np.sign(unit.contribution)
        assert products[unit.position] == pytest.approx(products.max(), rel=1e-5)
        assert unit.value == pytest.approx(steps["conv2"][(*unit.position, unit.unit.channel)], rel=1e-4)


def test_a_known_label_that_the_network_missed_is_what_it_is_explained_against(bundle, tmp_path):
    from PIL import Image

    for label, name, colour in (("green", "a", (1, 0, 0)), ("green", "b", (1, 0.1, 0)), ("red", "c", (1, 0, 0.1))):
        (tmp_path / label).mkdir(exist_ok=True)
        Image.fromarray((tinted(*colour) * 255).astype(np.uint8)).save(tmp_path / label / f"{name}.png")
    found = convscope.explain(bundle, tmp_path, layers="colours")
    assert [one.said for one in found] == ["red against green", "red against green", "red against all others"]
    first = found.confusions[0]
    assert (first.label, first.predicted, first.count, str(first.means[0][0])) == ("green", "red", 2, "colours:0")
    assert first.means[0][1] == pytest.approx(np.mean([one.layers[0].contributions[0] for one in list(found)[:2]]))
    assert len(found.to_table()) == sum(len(one.layers[0].pro) + len(one.layers[0].contra) for one in found)
    assert found.summary()["confusions"][0]["images"] == 2


@pytest.mark.long
def test_with_a_run_units_have_strips_and_images_neighbours(tmp_path):
    fashion = convscope.load("fashion")
    run = convscope.scan(fashion, "sample:fashion[0-39]", out=tmp_path / "run", layers="block3_conv1,dense1", precision="float32")
    found = convscope.explain(fashion, "sample:fashion[3]", run=run, units=2, layers="block3_conv1")
    (one,) = found
    top = run.top("block3_conv1", [one.layers[0].pro[0].unit.channel])
    assert one.layers[0].pro[0].strip_names[0] == run.name(int(top.images[0, 0]))
    space, own = np.asarray(run.features[np.asarray(run.ids)], np.float64), 3
    distances = np.linalg.norm(space - space[own], axis=1)
    expected = [run.name(int(place)) for place in np.argsort(distances)[1:7]]
    assert [each.name for each in one.near] == expected
    written = found.save(tmp_path / "why")
    assert {path.name for path in written} >= {"explain.png", "explain.html", "explain.json"}
    text = (tmp_path / "why" / "explain.html").read_text()
    assert "<script" not in text and expected[0] in text


@pytest.mark.long
def test_it_is_made_again_byte_for_byte_and_hostile_names_stay_text(bundle, tmp_path):
    from PIL import Image

    from convscope.replaying import replay

    path = tmp_path / "<u>\u202ecat.png"
    Image.fromarray((images(6, 6, 3) * 255).astype(np.uint8)).save(path)
    found = convscope.explain("fashion", path, target="Bag", units=1)
    first = found.save(tmp_path / "a.png")
    assert "<u>" not in (tmp_path / "a.html").read_text()
    replay(first[0]).save(tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert found.to_table().num_rows
