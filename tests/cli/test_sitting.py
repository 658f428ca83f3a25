"""A sitting in process: lines in, files out, as the shell would write them."""

import re
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

import convscope
from convscope.catalogue import METHODS
from convscope.cli import main
from convscope.cli.sitting import Sitting
from convscope.models import loading

pytestmark = pytest.mark.once


@pytest.fixture
def sitting(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    found = Sitting(tmp_path / "out")
    assert found.take("model fashion") == 0
    return found


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".json")


def test_pictures_are_numbered_over_sittings_and_carry_the_image(sitting, tmp_path, capsys):
    assert sitting.take("layer block1_conv1; :1; d 'sample:fashion[3]'; d 'sample:fashion[4]'") == 0
    assert sitting.take("d 'sample:fashion[3]'") == 0
    assert "Overwrote 01-deconv-block1_conv1-1-fashion-3.png" in capsys.readouterr().err
    other = Sitting(tmp_path / "out")
    assert other.take("model fashion; s block1_conv1:1") == 0
    assert names(tmp_path / "out") == [
        "01-deconv-block1_conv1-1-fashion-3.png",
        "02-deconv-block1_conv1-1-fashion-4.png",
        "03-saliency-block1_conv1-1-fashion-0.png",
    ]


@pytest.mark.long
def test_a_script_is_a_list_of_commands_that_makes_the_same_bytes(sitting, tmp_path, capsys):
    assert sitting.take(":5; d; m; set steps 2; a; save tour.convscope") == 0
    out = tmp_path / "out"
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    lines = (tmp_path / "tour.convscope").read_text().splitlines()
    assert lines[0].startswith("# ") and all(line.startswith("convscope ") for line in lines[1:])
    shutil.rmtree(out)
    main(["replay", "tour.convscope"])
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    shutil.rmtree(out)
    for line in lines[1:]:
        main(shlex.split(line)[1:])
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert sitting.take("save tour.convscope") == 0
    assert "(overwritten)" in capsys.readouterr().out


def test_a_network_is_loaded_once_and_again_when_its_file_has_changed(sitting, tmp_path, monkeypatch):
    loads = []
    load = loading.load
    monkeypatch.setattr("convscope.models.sources.load", lambda *given, **told: loads.append(given) or load(*given, **told))
    path = shutil.copy(loading.assets.path("fashion.keras"), tmp_path / "own.keras")
    assert sitting.take(f"model {path} --preprocess unit; d; s; n; d") == 0
    assert len(loads) == 1
    shutil.copy(loading.assets.path("fashion.keras"), path)
    assert sitting.take("d --preprocess unit") == 0 and len(loads) == 2


def test_a_scan_becomes_the_run_of_the_place(sitting, tmp_path, capsys):
    assert sitting.take("t") == 2
    assert "Scan images first" in capsys.readouterr().err
    assert sitting.take("scan sample:fashion[0-29] --layers block3_conv1 -o r; t --switches spread") == 0
    assert sitting.place.run == "r" and len(names(tmp_path / "out")) == 1
    assert sitting.take(f"run {tmp_path / 'absent'}") == 2 and sitting.place.run == "r"


def test_a_run_opens_its_network(tmp_path, monkeypatch):
    run = convscope.scan("fashion", "sample:fashion[0-9]", out=tmp_path / "a run", layers="dense1")
    sitting = Sitting(tmp_path / "out")
    assert sitting.take(f"model '{run.path}'; layer dense1; t --switches spread") == 0
    assert sitting.place.run == str(run.path) and "top" in names(tmp_path / "out")[0]


def test_what_cannot_be_looked_at_is_refused_when_it_is_named(sitting, capsys):
    for line in (
        "image absent.jpg",
        "model absent.h5",
        "layer block9",
        "decnov",
        "replay absent.convscope",
        "guide",
        "open",
        "save",
        "d 'open",
    ):
        place = sitting.place
        assert sitting.take(line) == 2 and sitting.place == place
        assert capsys.readouterr().err.startswith("Error: ")


def test_a_script_ends_at_the_line_that_fails(sitting, tmp_path, capsys):
    (tmp_path / "tour.txt").write_text("# a tour\n\n:3\nd absent.jpg\ns\n")
    assert sitting.take("replay tour.txt") == 2
    assert "tour.txt ended at line 4: d absent.jpg" in capsys.readouterr().err and names(tmp_path / "out") == []
    (tmp_path / "round.txt").write_text("replay round.txt\n")
    assert sitting.take("replay round.txt") == 2
    assert "scripts that run scripts" in capsys.readouterr().err


@pytest.mark.long
def test_an_interrupted_picture_is_replayed_and_its_command_makes_it_again(sitting, tmp_path, monkeypatch, capsys):
    from convscope.ascent import climb

    step, count = climb.AscentRun.step, [0]

    def interrupted(run, *given, **more):
        count[0] += 1
        if count[0] > 3:
            raise KeyboardInterrupt
        return step(run, *given, **more)

    with monkeypatch.context() as patched:
        patched.setattr(climb.AscentRun, "step", interrupted)
        assert sitting.take("a --steps 8 --size 28") == 130
    assert "Interrupted" in capsys.readouterr().err
    (picture,) = (tmp_path / "out").glob("*.png")
    before = picture.read_bytes()
    (words,) = sitting.desk.commands
    assert words[-2] == "--stop"
    picture.unlink()
    with pytest.raises(SystemExit) as ended:
        main([*words])
    assert ended.value.code == 130 and picture.read_bytes() == before
    main(["replay", str(picture)])
    assert "identical" in capsys.readouterr().out


def test_help_says_all_commands_and_one(sitting, capsys):
    assert sitting.take("?") == 0
    shown = capsys.readouterr().out
    assert all(f"{letter}, {name}" in shown for letter, name in (("d", "deconv"), ("o", "dossier"))) and "Ctrl-R" in shown
    assert all(name in shown for name in METHODS)
    assert sitting.take("? n; help a") == 0
    shown = capsys.readouterr().out
    assert "The next unit" in shown and "--steps" in shown


def test_every_option_of_every_method_can_be_set(sitting):
    for name in METHODS:
        for option in METHODS.get(name).options:
            if option.name != "run":
                value = "yes" if option.type is bool else "x"
                assert sitting.take(f"set {option.name} {value}; unset {option.name}") == 0, option.name


def test_settings_of_the_model_load_it_again(sitting, tmp_path):
    (tmp_path / "labels.txt").write_text("\n".join(f"kind {number}" for number in range(10)))
    assert sitting.take("set labels labels.txt; predictions:'kind 3'; s") == 0
    assert sitting.place.classes[3] == "kind 3"
    assert sitting.take("model fashion") == 0 and sitting.place.settings == {}


def test_the_features_of_a_run_need_no_network(sitting, tmp_path):
    np.save(tmp_path / "features 1.npy", np.random.default_rng(0).normal(size=(12, 4)).astype("float32"))
    assert sitting.take("tsne 'features 1.npy'") == 0
    assert "--model" not in sitting.desk.commands[0]


def test_the_transcript_of_the_documentation_is_what_happens(sitting, tmp_path, monkeypatch, capsys):
    page = (Path(__file__).parents[2] / "docs" / "session.md").read_text()
    transcript = re.search(r"```text\n(.*?)```", page, re.DOTALL)[1]
    monkeypatch.setattr(sys, "stderr", sys.stdout)
    watched = Sitting(Path("convscope-out"), shown=lambda written: None)
    watched.take("model fashion")
    capsys.readouterr()
    for line in re.findall(r"^fashion [^>\n]* > (.*)$", transcript, re.MULTILINE):
        print(f"{watched.place} > {line}")
        watched.take(line)
    assert capsys.readouterr().out == transcript


def test_the_last_picture_is_shown_again_and_lines_are_found_again(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    seen = []
    watched = Sitting(tmp_path / "out", shown=seen.append, history=lambda: ["d", "layer block1_conv1", "d :3"])
    assert watched.take("model fashion; d; show; history d; history block1") == 0
    assert [one.paths[0].name for one in seen] == ["01-deconv-block3_conv1-0-fashion-0.png"] * 2
    assert capsys.readouterr().out.splitlines()[-4:] == [str(seen[0].paths[0]), "d", "d :3", "layer block1_conv1"]
    (script,) = (tmp_path / "out").glob("session-*.convscope")
    assert script == watched.desk.script and script.read_text() == watched.desk.lines()


@pytest.mark.long
def test_the_page_of_a_dossier_is_what_opens(sitting, tmp_path, monkeypatch, capsys):
    launched = []
    monkeypatch.setattr("click.launch", launched.append)
    assert sitting.take("scan sample:fashion[0-29] --layers dense1 -o r; dense1:1; o --steps 2; open") == 0
    assert launched == [str(tmp_path / "out" / "01-dossier-dense1-1" / "dossier.html")]
    assert launched[0] in capsys.readouterr().out
    assert sitting.take("s; open") == 0 and launched[1].endswith("02-saliency-dense1-1-fashion-0.png")
