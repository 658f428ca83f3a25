"""What is lost without a unit equals a slow twin: the network with each unit silenced, run whole on every image."""

import shutil

import numpy as np
import pytest

import convscope
from convscope.catalogue import DRAWINGS
from convscope.formats.lesion_file import lesion_path, read_lesions
from convscope.portraits import lesion as room

LAYER, UNITS = "block2_conv2", (0, 3, 7)


@pytest.fixture(scope="module")
def scanned(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lesion") / "run"
    shutil.copytree(run.path, folder)
    return convscope.open_run(folder)


@pytest.fixture(scope="module")
def found(scanned):
    return convscope.lesion(scanned, LAYER, most=24)


def test_it_equals_the_network_run_whole_for_each_unit(fashion, scanned, found, record_error):
    ids = room._chosen(scanned.ids.tolist(), 24)
    pixels = np.stack([scanned.picture(image) for image in ids])
    labels = np.array([fashion.labels.index(scanned.label(image)) for image in ids])
    assert found.judged == "labels" and found.images == 24

    def judged(model):
        chances = convscope.activations(model, "predictions", pixels).maps.astype(np.float64)
        return -np.log(chances[np.arange(24), labels]), chances.argmax(axis=1)

    loss, predicted = judged(fashion)
    places = [fashion.labels.index(name) for name in found.classes]
    for place, index in enumerate(places):
        assert found.loss[place] == pytest.approx(loss[labels == index].mean(), abs=1e-4)
        assert found.accuracy[place] == pytest.approx((predicted == labels)[labels == index].mean())
    for channel in UNITS:
        without, now = judged(fashion.lesioned(f"{LAYER}:{channel}"))
        assert record_error("lesion table", abs(found.loss_lost[channel] - (without - loss).mean())) < 1e-4
        assert found.accuracy_lost[channel] == pytest.approx((predicted == labels).mean() - (now == labels).mean())
        assert found.changed[channel] == pytest.approx((now != predicted).mean())
        for place, index in enumerate(places):
            assert found.loss_without[channel, place] == pytest.approx(without[labels == index].mean(), abs=1e-4)


@pytest.mark.once
def test_an_interrupted_call_resumes_and_ends_with_the_same_numbers(scanned, found, monkeypatch):
    path = lesion_path(scanned.path, LAYER)
    kept = path.read_bytes()
    path.unlink()
    chunk, count = room._Work._chunk, []

    def interrupted(self, images, advance):
        if count:
            raise KeyboardInterrupt
        count.append(1)
        chunk(self, images, advance)

    monkeypatch.setattr(room._Work, "_chunk", interrupted)
    half = convscope.lesion(scanned, LAYER, most=24)
    assert half.interrupted and half.images == 16 and half.provenance.parameters["stop"] == 16 and read_lesions(path).done == 16
    monkeypatch.setattr(room._Work, "_chunk", chunk)
    again = convscope.lesion(scanned, LAYER, most=24)
    assert path.read_bytes() == kept and np.array_equal(again.loss_without, found.loss_without) and not again.interrupted


@pytest.mark.once
def test_without_labels_the_network_itself_is_the_reference(scanned, tmp_path):
    run = convscope.scan("fashion", np.stack([scanned.picture(image) for image in range(8)]), out=tmp_path / "run", layers=[LAYER])
    found = convscope.lesion(run, LAYER)
    assert found.judged == "predictions" and (found.accuracy == 1).all() and "own predictions count as right" in found.notes[0]


@pytest.mark.once
def test_the_sheet_ranks_units_and_names_the_classes_that_lose(found):
    sheet = DRAWINGS.get("lesion")(found)["lesion.png"]
    words = [one.text for one in sheet.words]
    dearest = found.ranked[0]
    assert words.index(f":{dearest}") < words.index(f":{found.ranked[1]}")
    assert any(word.startswith(found.classes[0]) for word in words)
    first = found.summary()["units"][0]
    assert first["unit"] == f"{LAYER}:{dearest}" and first["loss_lost"] == pytest.approx(float(found.loss_lost.max()))
    assert len(found.to_table()) == len(found.active) * len(found.classes)


@pytest.mark.once
def test_a_layer_without_classes_behind_it_is_one_sentence(scanned):
    with pytest.raises(convscope.ConvscopeError, match="holds the network's output"):
        convscope.lesion(scanned, "predictions")
