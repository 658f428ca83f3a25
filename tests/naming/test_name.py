"""Names of all units of a run whose units are known."""

import numpy as np
import pytest
from PIL import Image
from scipy.stats import mannwhitneyu
from sklearn.metrics import roc_auc_score

import convscope
from convscope import assets, load
from convscope.backend import keras, ops
from convscope.errors import OptionError, ReplayError
from convscope.formats.names_file import NAMES, read_areas
from convscope.images import as_batch
from convscope.naming import labels
from convscope.naming.formulas import tried
from convscope.naming.labels import is_tested, labels_of
from convscope.network.entering import fit_of
from convscope.scanning import open_run, scan
from networks import model_of

pytestmark = pytest.mark.once


def test_units_get_the_names_that_they_were_made_for_and_others_none(run):
    found = convscope.name(run)
    assert [found.of("sums", channel).name for channel in range(3)] == ["top", "middle", "bottom"]
    assert found.of("maps", 0).name == "NOT dark" and found.of("maps", 2).explains
    assert all(found.of("sums", channel).auc > 0.99 and found.of("sums", channel).explains for channel in range(3))
    assert not found.of("maps", 1).explains  # minus the darkest pixel
    assert found.of("maps", 1).said.startswith("no label explains it (nearest: ")
    silent = found.of("maps", 3)
    assert silent.name is None and not silent.explains and silent.said == "no label can be tried on it" and np.isnan(silent.auc)
    assert found.of("sums", 0).said == "fires for top, AUC 1.00" and found.of("sums", 9) is None
    assert found.source == "own" and set(found.vocabulary) == {"top", "middle", "bottom", "dark"} and sum(found.halves) == 160
    assert found.shares() == {"maps": 2 / 5, "sums": 1.0} and found.named == 5 and found.to_table().num_rows == 8


def test_numbers_are_those_of_the_half_that_did_not_choose(run):
    found = convscope.name(run)
    labels = np.asarray([run.label(image) for image in run.maxima_images])
    tested = np.asarray([is_tested(run.name(image)) for image in run.maxima_images])
    chosen_areas, tested_areas = read_areas(run.path)
    for layer in run.layers:
        values = run.maxima(layer).astype(np.float64)
        for channel in range(run.channels(layer)):
            one, row = found.of(layer, channel), found.row(layer, channel)
            if one.name is None:
                continue
            holds = (labels == one.name.removeprefix("NOT ")) ^ one.name.startswith("NOT ")
            if " AND " not in one.name and " OR " not in one.name:
                assert one.auc == pytest.approx(roc_auc_score(holds[tested], values[tested, channel]), abs=1e-12)
                p = mannwhitneyu(
                    values[tested & holds, channel], values[tested & ~holds, channel], alternative="greater", method="asymptotic"
                )
                assert one.p == pytest.approx(min(1.0, p.pvalue * tried(4)), rel=1e-9) and one.images == (holds & tested).sum()
            for place, label in enumerate(found.vocabulary):
                for half, areas in ((~tested, chosen_areas), (tested, tested_areas)):
                    expected = roc_auc_score(labels[half] == label, values[half, channel])
                    assert areas[row, place] == pytest.approx(expected, abs=1e-4)


def test_random_labels_name_no_unit(run, monkeypatch):
    rng = np.random.default_rng(0)
    shuffled = dict(zip(run.ids.tolist(), rng.permutation([run.label(image) for image in run.ids]), strict=True))
    monkeypatch.setattr(type(run), "label", lambda self, image: str(shuffled[image]))
    assert convscope.name(run).named == 0


def test_names_are_kept_noticed_as_outdated_and_made_again(run):
    assert run.names is None
    first = convscope.name(run)
    written = (run.path / NAMES).read_bytes()
    assert convscope.name(run.path).names == first.names and (run.path / NAMES).read_bytes() == written
    again = open_run(run.path)
    assert again.names.names == first.names and not again.names.outdated
    again.manifest["files"] = {**again.manifest["files"], "units.parquet": "another"}
    assert again.names.outdated and not convscope.name(again).outdated


def test_a_damaged_file_is_named(run):
    convscope.name(run)
    data = bytearray((run.path / NAMES).read_bytes())
    data[len(data) // 3] ^= 255
    (run.path / NAMES).write_bytes(data)
    with pytest.raises(ReplayError, match=r"names\.parquet` is damaged.*convscope name RUN"):
        read_areas(run.path)
        assert run.names


def test_a_run_without_labels_that_can_be_tried_says_so(run, monkeypatch):
    monkeypatch.setattr(type(run), "label", lambda self, image: "one")
    with pytest.raises(OptionError, match=r"160 images with labels, of 1 label\. Expected one label at least that holds for 5 images"):
        convscope.name(run, labels="own")
    with pytest.raises(OptionError, match="Received list as a run"):
        convscope.name([])


def test_pseudo_labels_are_classes_with_their_groups_and_say_so(run, monkeypatch):
    told = {"top": "tabby", "middle": "Egyptian cat", "bottom": "fire engine", "dark": None}
    monkeypatch.setattr(labels, "_predictions", lambda run: ([told[run.label(image)] for image in run.maxima_images], (labels.SAID,)))
    found = labels_of(run, "imagenet")
    assert {"tabby", "Egyptian cat", "fire engine", "feline"} <= set(found.names) and len(found.images) == 120
    made = convscope.name(run, labels="imagenet")
    assert made.of("sums", 2).said.endswith("(pseudo-labels by SqueezeNet)") and labels.SAID in made.notes


@pytest.mark.long
def test_pseudo_labels_are_what_squeezenet_takes_the_images_for(tmp_path):
    (tmp_path / "cuts").mkdir()
    for path in assets.path("photos").glob("*.jpg"):
        photo = Image.open(path).convert("RGB")
        for side in range(8):
            left = side * (photo.width - photo.width // 2) // 7
            photo.crop((left, 0, left + photo.width // 2, photo.height)).save(tmp_path / "cuts" / f"{path.stem}-{side}.png")
    layers = keras.layers
    network = model_of(layers.Conv2D(8, 3, 2, activation="relu"), layers.GlobalMaxPooling2D(), shape=(32, 32, 3))
    run = scan(load(network, preprocess="unit"), tmp_path / "cuts", out=tmp_path / "run", keep_maxima=True)
    found = labels_of(run, "auto")
    classifier = load("squeezenet")
    pixels = as_batch(tmp_path / "cuts", fit_of(classifier)).pixels
    entered = (classifier.preprocessing.apply(some) for some in np.array_split(pixels, 8))
    scores = np.concatenate([ops.convert_to_numpy(classifier.network(some)) for some in entered])
    taken = [classifier.labels[number] for number in scores.argmax(axis=1)]
    assert found.source == "imagenet" and found.notes == (labels.SAID,)
    for number, name in enumerate(found.names):
        expected = [one == name or name in labels.groups_of(one) for one in taken]
        assert found.held[:, [number]].toarray()[:, 0].astype(bool).tolist() == expected
    assert {"animal", "placental"} <= set(found.names)


def test_folders_are_kept_together_on_request(run, monkeypatch):
    rows = dict(zip(run.ids.tolist(), ["cat", "dog"] * 80, strict=True))
    monkeypatch.setattr(labels, "_predictions", lambda run: ([rows[image] for image in run.maxima_images.tolist()], ()))
    found = labels_of(run, "imagenet", "folders")
    halves = {run.label(int(image)): set() for image in found.images}
    for image, tested in zip(found.images, found.tested, strict=True):
        halves[run.label(int(image))].add(bool(tested))
    assert all(len(one) == 1 for one in halves.values()) and set.union(*halves.values()) == {False, True}
    with pytest.raises(OptionError, match=r'The labels are those of the folders, which split="folders" puts'):
        convscope.name(run, split="folders")
