"""Large requests: chunks do not change a picture, a killed job goes on to the very same bytes, memory stays that of a few chunks."""

import gc
import pickle
import shutil
import signal
import subprocess
import sys
import time
import weakref
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import convscope
from convscope.ascent import AscentStep, climb, jobs
from convscope.ascent.jobs import pieces
from convscope.backend import keras
from convscope.errors import ConvscopeError, OutputError, UnitError
from convscope.replaying import replay, same_bytes
from networks import awake, model_of
from sampling import all_but

SETTINGS = {"steps": 3, "size": 16, "precision": "float32"}


def make_chunks_small(patch):
    """Two pictures climb together, four are on a sheet."""
    patch.setattr(climb, "PIXELS_AT_ONCE", 2 * 16 * 16)
    patch.setattr(jobs, "UNITS_ON_A_SHEET", 4)


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    make_chunks_small(monkeypatch)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    layers = keras.layers
    model = model_of(
        layers.Conv2D(5, 3, padding="same", activation="relu", name="conv1"),
        layers.MaxPooling2D(name="pool1"),
        layers.Conv2D(2, 3, padding="same", activation="relu", name="conv2"),
        layers.GlobalAveragePooling2D(name="gap"),
        layers.Dense(3, name="logits"),
        shape=(16, 16, 3),
    )
    path = tmp_path_factory.mktemp("model") / "small.keras"
    awake(model).save(path)
    return path


@pytest.fixture(scope="module")
def bundle(network):
    return convscope.load(network, preprocess="unit")


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def of_conv1(bundle, tmp_path_factory):
    """What a job on one layer wrote."""
    with pytest.MonkeyPatch.context() as patched:
        make_chunks_small(patched)
        return convscope.ascend_all(bundle, layers="conv1", **SETTINGS).save(tmp_path_factory.mktemp("conv1"))


@pytest.fixture
def written(of_conv1, tmp_path):
    """A copy of it."""
    return Path(shutil.copytree(of_conv1[0].parent, tmp_path / "conv1"))


def test_a_layer_becomes_a_picture_for_each_unit_and_sheets(of_conv1):
    names = {f"conv1-{channel}.png" for channel in range(5)} | {"sheet-1.png"}  # a single unit needs no sheet
    assert {path.name for path in of_conv1} == names
    assert {path.name for path in of_conv1[0].parent.iterdir()} == names | {name.replace(".png", ".json") for name in names}


def test_several_layers_get_a_folder_each(bundle, tmp_path):
    convscope.ascend_all(bundle, layers="conv*", **SETTINGS).save(tmp_path, raw=True)
    assert (tmp_path / "conv1" / "conv1-4.png").is_file()
    assert (tmp_path / "conv2" / "sheet.png").is_file()
    with np.load(tmp_path / "conv1" / "conv1-2.npz") as arrays:
        assert arrays["images"].shape == (2, 16, 16, 3)


def test_chunks_do_not_change_a_picture(bundle, monkeypatch):
    records = list(convscope.ascend_all(bundle, "conv1:all", **SETTINGS))
    assert [len(record.units) for record in records] == [2, 2, 1]
    monkeypatch.setattr(climb, "PIXELS_AT_ONCE", 16 * 16 * 16)
    together = convscope.ascend(bundle, "conv1:all", **SETTINGS)
    chunked = np.concatenate([record.images for record in records])
    assert np.abs(chunked - together.images).max() <= 1.5 / 255


def test_the_chunks_of_a_layer_share_one_compiled_step(bundle, monkeypatch):
    made = Counter()

    def counted(network, measure, image, **named):
        made[measure.calls[0].address, named["update"]] += 1
        return AscentStep(network, measure, image, **named)

    monkeypatch.setattr(climb, "AscentStep", counted)
    list(convscope.ascend_all(bundle, layers="conv*", **SETTINGS))
    assert {layer for layer, _ in made} == {"conv1", "conv2"}
    assert set(made.values()) == {1}  # an attempt has an update of its own; conv1 has three chunks


def test_what_is_written_is_not_made_again_and_a_changed_setting_makes_all_again(bundle, written):
    job = convscope.ascend_all(bundle, layers="conv1", **SETTINGS)
    before = contents(written)
    (written / "conv1-3.png").unlink()
    parts = list(job.written(written))
    assert [(part.units[0].channel, part.new) for part in parts if not part.sheet] == [(0, False), (2, True), (4, False)]
    assert contents(written) == before
    assert not any(part.new for part in job.written(written))
    assert all(part.new for part in convscope.ascend_all(bundle, layers="conv1", **SETTINGS | {"seed": 1}).written(written))


def test_another_theme_makes_the_sheets_again_and_no_picture(bundle, written):
    parts = list(convscope.ascend_all(bundle, layers="conv1", **SETTINGS, theme="dark").written(written))
    assert {part.sheet for part in parts if part.new} == {True} and sum(part.new for part in parts) == sum(part.sheet for part in parts)
    with Image.open(written / "sheet-1.png") as sheet:
        assert sheet.getpixel((0, 0)) == (17, 20, 26)


def test_a_sheet_that_is_missing_is_made_from_the_written_pictures(bundle, written):
    job = convscope.ascend_all(bundle, layers="conv1", **SETTINGS)
    before = contents(written)
    (written / "sheet-1.png").unlink()
    assert [part.new for part in job.written(written) if not part.sheet] == [False, False, False]
    assert contents(written) == before


def test_a_written_picture_says_how_to_make_it_alone(bundle, network, tmp_path):
    convscope.ascend_all(network, layers="conv1", **SETTINGS).save(tmp_path)
    for name in ("conv1-3.png", "sheet-1.png"):
        assert same_bytes(replay(tmp_path / name, allow=network), tmp_path / name)


@pytest.mark.once
def test_memory_holds_no_more_pictures_than_a_sheet(tmp_path, monkeypatch):
    alive, most = [], []
    climb = jobs.ascended
    gc.freeze()  # what there is already need not be looked through at each collection

    def counting(*given):
        record = climb(*given)
        alive.append(weakref.ref(record.images))
        gc.collect()
        most.append(sum(len(images()) for images in alive if images() is not None))
        return record

    monkeypatch.setattr(jobs, "ascended", counting)
    model = model_of(keras.layers.Conv2D(12, 3, name="conv"), shape=(16, 16, 3))
    convscope.ascend_all(convscope.load(awake(model), preprocess="unit"), layers="all", **SETTINGS).save(tmp_path)
    gc.unfreeze()
    assert len(most) == 6
    assert max(most) <= 6  # of 12: those of one sheet, and the first of the next


CHILD = """
import sys
import convscope
from convscope.ascent import climb, jobs
climb.PIXELS_AT_ONCE = 2 * 16 * 16
jobs.UNITS_ON_A_SHEET = 4
job = convscope.ascend_all(sys.argv[1], layers="conv*", steps=12, size=16, precision="float32")
job.save(sys.argv[2])
"""


@pytest.mark.long
@pytest.mark.once
@pytest.mark.parametrize("kills", all_but([1], [1, 3]))
def test_a_job_that_is_killed_goes_on_to_the_same_bytes(network, tmp_path, kills):
    """Killed as soon as a picture or a sheet more is there; the work between two of them is done again."""
    job = convscope.ascend_all(str(network), layers="conv*", steps=12, size=16, precision="float32")
    job.save(tmp_path / "whole")
    killed = tmp_path / "killed"
    for _ in range(kills):
        before = set(killed.rglob("*.png"))
        with subprocess.Popen([sys.executable, "-c", CHILD, str(network), str(killed)]) as child:
            while child.poll() is None and set(killed.rglob("*.png")) <= before:
                time.sleep(0.005)
            child.kill()
        assert child.returncode == -signal.SIGKILL, "it came to its end before"
    assert 0 < len(set(killed.rglob("*.png"))) < len(set((tmp_path / "whole").rglob("*.png")))
    job.save(killed)
    left = {name: data for name, data in contents(killed).items() if not Path(name).name.startswith(".convscope-")}
    assert left == contents(tmp_path / "whole")


class Elsewhere:
    """Another machine, as far as it can be seen from here: chunks go and come as bytes, the last first, each twice."""

    def map(self, function, items):
        there = pickle.loads(pickle.dumps(function))
        for item in reversed(list(items)):
            result = pickle.dumps(there(pickle.loads(pickle.dumps(item))))
            yield from (pickle.loads(result), pickle.loads(result))


@pytest.mark.long
def test_an_engine_makes_the_very_bytes_of_one_process(bundle, written, tmp_path):
    job = convscope.ascend_all(bundle, layers="conv1", engine=Elsewhere(), **SETTINGS)
    there = list(job.written(tmp_path / "there"))
    here = list(convscope.ascend_all(bundle, layers="conv1", **SETTINGS).written(tmp_path / "here"))
    assert [(one.units, one.new, one.sheet) for one in there] == [(one.units, one.new, one.sheet) for one in here]
    assert {path.name: path.read_bytes() for path in (tmp_path / "there").iterdir()} == {
        path.name: path.read_bytes() for path in (tmp_path / "here").iterdir()
    }
    assert not any(piece.new for piece in job.written(tmp_path / "there"))


def test_an_engine_that_ends_early_is_an_error(bundle, tmp_path):
    class Early:
        def map(self, function, items):
            yield function(next(iter(items)))

    job = convscope.ascend_all(bundle, layers="conv1", engine=Early(), **SETTINGS)
    with pytest.raises(ConvscopeError, match="ended with . of . chunks unfinished"):
        job.save(tmp_path)
    assert list(tmp_path.glob("*.png"))


def test_ctrl_c_leaves_what_is_written_and_no_half_climbed_picture(bundle, tmp_path, monkeypatch):
    job = convscope.ascend_all(bundle, layers="conv1", **SETTINGS)

    def watch(stage):
        if str(stage.units[0]) == "conv1:2" and stage.step == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(jobs, "counting", lambda _: watch)
    with pytest.raises(KeyboardInterrupt):
        job.save(tmp_path)
    assert {path.name for path in tmp_path.glob("*.png")} == {"conv1-0.png", "conv1-1.png"}


@pytest.mark.parametrize(("units", "layers", "large"), [("conv1:0-1", None, False), ("conv1:0-2", None, True), ((), "conv2", True)])
def test_a_request_is_large_by_pattern_or_beyond_one_chunk(bundle, units, layers, large):
    assert (pieces(bundle, units, layers=layers, **SETTINGS).write is not None) is large


@pytest.mark.parametrize(
    ("layers", "climbed"),
    [("all", {"conv1", "conv2", "logits"}), ("convolutions", {"conv1", "conv2"}), ("pool*,logits", {"pool1", "logits"})],
)
def test_layers_are_those_of_the_patterns(bundle, layers, climbed):
    job = convscope.ascend_all(bundle, layers=layers, **SETTINGS)
    assert {unit.layer for unit in job.units} == climbed


def test_units_of_any_kind_of_layer_are_climbed(bundle):
    units = ["pool1:0", "logits:0"]
    assert [str(unit) for record in convscope.ascend_all(bundle, units, **SETTINGS) for unit in record.units] == units


def test_requests_that_make_no_sense_are_refused(bundle, tmp_path):
    with pytest.raises(UnitError, match="No layer of .* matches `poor"):
        convscope.ascend_all(bundle, layers="conv1,poor*")
    with pytest.raises(UnitError, match="No unit or other objective"):
        convscope.ascend_all(bundle)
    with pytest.raises(OutputError, match="Expected a folder"):
        convscope.ascend_all(bundle, layers="all", **SETTINGS).save(tmp_path / "all.png")
