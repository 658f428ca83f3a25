"""The atlas as a whole: whatever interrupts it, it ends with the same bytes; what it says is what the run says."""

import pickle
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from drawing import COUNT, column, draw

from convscope import atlas
from convscope.atlases import making, patches
from convscope.atlases.atlas import seconds_of
from convscope.atlases.ledger import Ledger, Task
from convscope.errors import ModelError, OptionError, OutputError, PageError
from convscope.formats import atlas as folders
from convscope.formats.atlas import read_data
from convscope.models import load
from convscope.scanning import scan


class Killed(BaseException):
    """A kill, as seen from inside: nothing is put in order."""


def made(small, run, folder, **options):
    return atlas(small, run=run, out=folder, **options)


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_it_is_complete_and_says_so(whole):
    assert whole.complete and not whole.interrupted and whole.notes == run_notes(whole)
    assert (whole.units, whole.layers) == (40, 3) and whole.parts == whole.of
    assert "40 units of 3 layers" in repr(whole) and "\n" not in repr(whole)


def run_notes(result):
    return tuple(result.run.notes)


def test_a_second_call_writes_nothing(small, run, whole):
    before = {path: path.stat().st_mtime_ns for path in whole.folder.rglob("*") if path.is_file() and path.name != "lock"}
    again = made(small, run, whole.folder)
    after = {path: path.stat().st_mtime_ns for path in whole.folder.rglob("*") if path.is_file() and path.name != "lock"}
    assert again.complete and before == after


@pytest.mark.long
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.long), pytest.param(2, marks=pytest.mark.long)])
def test_killed_at_any_moment_it_ends_with_the_same_bytes(small, run, whole, tmp_path, monkeypatch, seed):
    rng, folder = random.Random(seed), tmp_path / "atlas"
    monkeypatch.setattr(making, "FLUSHED_AFTER", rng.choice([0.0, 20.0]))
    own, left = type(folder).replace, [0]

    def replace(path, target):
        if folder in path.parents:
            left[0] -= 1
            if left[0] == 0:
                raise Killed
        return own(path, target)

    kills = 0
    with monkeypatch.context() as patched:
        patched.setattr(type(folder), "replace", replace)
        for _ in range(4):
            left[0] = rng.randint(1, 20)
            try:
                made(small, run, folder)
            except Killed:
                kills += 1
    assert kills >= 2
    made(small, run, folder)
    assert contents(folder) == contents(whole.folder)


class Elsewhere:
    """Another machine, as far as it can be seen from here: what it gets and returns are bytes, in an order of its own, some twice."""

    def map(self, function, items):
        there = pickle.loads(pickle.dumps(function))
        for item in sorted(items, key=str, reverse=True):
            result = pickle.dumps(there(pickle.loads(pickle.dumps(item))))
            yield from (pickle.loads(result), pickle.loads(result))


@pytest.mark.long
def test_an_engine_makes_the_very_bytes_of_one_process(small, run, whole, tmp_path):
    result = made(small, run, tmp_path / "atlas", engine=Elsewhere())
    assert result.complete and contents(tmp_path / "atlas") == contents(whole.folder)


def test_ctrl_c_keeps_what_is_made_and_loses_one_part(small, run, tmp_path, monkeypatch):
    folder, own, calls = tmp_path / "atlas", patches.sheets, []

    def interrupted(*args):
        calls.append(args)
        for task in own(*args):
            yield task if len(calls) < 3 else Task(task.name, task.key, lambda: signal.raise_signal(signal.SIGINT))

    monkeypatch.setattr(patches, "sheets", interrupted)
    result = made(small, run, folder, synthetic="none")
    assert result.interrupted and not result.complete and "same command" in result.notes[0]
    assert read_data(folder, "start")["layers"][0]["done"] == "10"
    monkeypatch.undo()
    assert made(small, run, folder, synthetic="none").complete


def test_a_changed_setting_touches_only_what_depends_on_it(small, run, whole, tmp_path):
    folder = tmp_path / "atlas"
    made(small, run, folder, layers="first")
    before = contents(folder)
    made(small, run, folder, layers="first", synthetic="none")
    after = contents(folder)
    changed = {name for name in before if before[name] != after.get(name)}
    assert not [name for name in changed if "detail" in name or "wall" in name or "synthetic" in name or "images" in name]
    fewer = made(small, run, folder, layers="first", projections=3)
    changed = {name for name in before if before[name] != contents(folder)[name]}
    assert {name for name in changed if name.endswith("0.webp")} == {"data/detail-0-0.webp", "data/wall-0-projection-0.webp"} & changed
    assert "data/synthetic-0-0.webp" not in changed and fewer.complete
    made(small, run, folder)
    assert {name for name, content in contents(folder).items() if whole_of(whole)[name] != content} == set()


@pytest.fixture
def parts(monkeypatch):
    """The names of the parts that are made from now on, in order."""
    names, own = list[str](), Ledger.keep

    def keep(ledger, task, made):
        names.append(task.name)
        own(ledger, task, made)

    monkeypatch.setattr(Ledger, "keep", keep)
    return names


@pytest.mark.long
@pytest.mark.once
def test_an_added_layer_brings_its_own_pictures_and_leaves_the_others(small, run, whole, tmp_path, parts):
    folder = tmp_path / "atlas"
    made(small, run, folder, layers="first")
    before = {name for name in parts if name.startswith(("synthetic-", "tiles-"))}
    assert before == {"synthetic-0-0", "synthetic-0-1", "tiles-0-0", "tiles-0-1"}
    parts.clear()
    made(small, run, folder, layers="first,search")
    assert {name for name in parts if name.startswith(("synthetic-", "tiles-"))} == {
        f"{kind}-2-{chunk}" for kind in ("synthetic", "tiles") for chunk in (0, 1)
    }
    assert not [name for name in parts if name.startswith(("images-", "map", "wall-0"))]
    parts.clear()
    made(small, run, folder)
    assert contents(folder) == contents(whole.folder)


def whole_of(result):
    return contents(result.folder)


def test_added_images_change_only_units_that_they_excite(small, tmp_path, parts):
    photos, folder = draw(tmp_path / "photos", COUNT), tmp_path / "atlas"
    first = atlas(small, photos, out=folder, layers="first")
    assert first.run.path == tmp_path / "atlas-run"
    before, tops = contents(folder), {layer: first.run.top(layer) for layer in first.run.layers}
    orders = {layer["n"]: (layer["address"], layer["order"]) for layer in folders.read_manifest(folder)["layers"]}
    parts.clear()
    draw(photos, 1, first=COUNT)
    result = atlas(small, photos, out=folder, layers="first")
    changed = {
        f"tiles-{n}-{start // 16}"
        for n, (layer, order) in orders.items()
        for start in range(0, len(order), 16)
        if not np.array_equal(tops[layer].values[order[start : start + 16]], result.run.top(layer, order[start : start + 16]).values)
    }
    assert {name for name in parts if name.startswith("tiles-")} == changed
    after = contents(folder)
    assert result.complete and len(result.run) == COUNT + 1
    assert {name for name in before if "synthetic" in name} == {name for name in after if "synthetic" in name}
    assert all(before[name] == after[name] for name in before if "synthetic" in name)
    assert before["data/units-0.js"] != after["data/units-0.js"]
    orders = [[one["order"] for one in folders.read_manifest(folder)["layers"]]]
    assert orders == [[read_data(folder, f"units-{layer['n']}") and layer["order"] for layer in folders.read_manifest(folder)["layers"]]]


@pytest.mark.long
def test_a_budget_makes_the_most_telling_units_of_all_layers_first(small, run, tmp_path, whole):
    folder = tmp_path / "atlas"
    result = made(small, run, folder, budget=0.001)
    start = read_data(folder, "start")
    assert not result.complete and not result.interrupted and [layer["done"] for layer in start["layers"]] == ["00", "00", "0"]
    assert read_data(folder, "detail-0-1")["units"]  # words need no picture
    made(small, run, folder)
    assert contents(folder) == contents(whole.folder)


def test_sheets_of_another_layout_are_not_cut_until_they_are_made_again(small, run, tmp_path, whole):
    folder = tmp_path / "atlas"
    shutil.copytree(whole.folder, folder)
    made(small, run, folder, budget=0.001, projections=3)
    layers = read_data(folder, "start")["layers"]
    assert [layer["done"] for layer in layers] == ["00", "00", "0"]
    assert [layer["pictured"] for layer in layers] == ["11", "11", "1"]  # they are as they were


@pytest.mark.parametrize(
    ("text", "seconds"), [("30m", 1800), ("2h", 7200), ("90s", 90), ("90", 90), (5, 5), ("1.5h", 5400), (" 2 M ", 120)]
)
def test_a_budget_is_a_time(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-3m", "soon", "3d", "1e3", "nan"])
def test_what_is_not_a_time_is_refused(text):
    with pytest.raises(OptionError, match="30m"):
        seconds_of(text)


def test_numbers_on_the_pages_are_those_of_the_run(whole, run):
    start = read_data(whole.folder, "start")
    for layer in start["layers"]:
        known, top = run.units(layer["address"]), run.top(layer["address"])
        units = read_data(whole.folder, f"units-{layer['n']}")
        assert np.array_equal(column(units["fires"]), known.fires.astype(np.float32))
        for name, values in (("mean", known.mean), ("max", known.largest), ("q50", known.quantiles[0.5]), ("q99", known.quantiles[0.99])):
            assert np.array_equal(column(units[name]), values)
        score, percentile = column(units["score"]), column(units["percentile"])
        for channel in range(layer["units"]):
            assert percentile[channel] == np.float32(run.percentile(f"{layer['address']}:{channel}", float(score[channel])))
        order = column(units["order"]).tolist()
        for chunk in range(len(layer["done"])):
            detail = read_data(whole.folder, f"detail-{layer['n']}-{chunk}")["units"]
            assert [one["channel"] for one in detail] == order[16 * chunk : 16 * chunk + 16]
            for one in detail:
                channel = one["channel"]
                assert np.float32(one["mean"]) == known.mean[channel] and np.float32(one["fires"]) == np.float32(known.fires[channel])
                assert [shown[0] for shown in one["tops"]] == top.images[channel][: len(one["tops"])].tolist()
                assert np.array_equal(np.float32([shown[1] for shown in one["tops"]]), top.values[channel][: len(one["tops"])])
                means = dict(zip(run.classes, known.class_means[channel], strict=True))
                assert {run.classes[place]: np.float32(mean) for place, mean, *_ in one["classes"]} == means


def test_it_names_no_path_of_this_machine(whole):
    place = str(whole.run.path.parent).encode()
    assert not [name for name, content in contents(whole.folder).items() if place in content]


def test_hostile_names_stay_text(whole):
    for name, content in contents(whole.folder).items():
        if name.endswith((".js", ".html")) and not name.startswith(("site/", "map/")):
            assert b"<script>alert" not in content and b"\xe2\x80\xa8" not in content
    assert read_data(whole.folder, "start")["classes"][0]["name"].startswith("<script>")


@pytest.mark.once
def test_what_is_not_possible_is_said_before_anything_is_made(small, run, whole, tmp_path):
    with pytest.raises(OptionError, match="no images"):
        atlas(small)
    with pytest.raises(OptionError, match="images and a run"):
        atlas(small, "photos", run=run)
    with pytest.raises(OptionError, match="one of 0, 3, 9"):
        made(small, run, tmp_path / "a", projections=4)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "index.html").write_text("mine")
    with pytest.raises(OutputError, match="not an atlas"):
        made(small, run, tmp_path / "other")
    (tmp_path / "other" / "manifest.json").write_text("{}")
    with pytest.raises(PageError, match="not an atlas"):
        made(small, run, tmp_path / "other")
    assert not (tmp_path / "a").exists()


@pytest.mark.once
@pytest.mark.long
def test_a_process_that_is_killed_loses_one_part_and_ends_with_the_same_bytes(small, run, tmp_path):
    path, code = tmp_path / "chain.keras", "import sys, convscope; convscope.atlas(sys.argv[1], run=sys.argv[2], out=sys.argv[3])"
    small.network.save(path)
    words = [sys.executable, "-c", code, str(path), str(run.path)]
    subprocess.run([*words, str(tmp_path / "whole")], check=True, capture_output=True)
    rng, folder = random.Random(0), tmp_path / "atlas"
    for _ in range(3):
        process = subprocess.Popen([*words, str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not (folder / folders.JOURNAL).exists():
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 2))
        process.kill()
        process.wait()
        known = {name for part in folders.read_manifest(folder)["parts"].values() for name in part.files}
        written = {f"data/{path.name}" for path in (folder / "data").iterdir() if path.suffix != ".tmp"}
        assert len(written - known - {"data/start.js"}) <= 1
    subprocess.run([*words, str(folder)], check=True, capture_output=True)
    assert contents(folder) == contents(tmp_path / "whole")


@pytest.mark.once
def test_the_atlas_of_another_network_or_run_is_left_alone(small, run, whole, tmp_path):
    before = contents(whole.folder)
    other = scan(small, draw(tmp_path / "photos", 6, first=200), out=tmp_path / "run")
    with pytest.raises(OptionError, match="other images"):
        made(small, other, whole.folder)
    fashion = load("fashion")
    with pytest.raises(ModelError, match="not the model of the run"):
        made(fashion, run, tmp_path / "a")
    with pytest.raises(OptionError, match="is the atlas of"):
        atlas(fashion, "sample:fashion[0-8]", out=whole.folder)
    assert contents(whole.folder) == before
