"""What a page takes away is what the command line makes."""

import io
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from convscope.cli import main
from convscope.errors import ImageError, OptionError
from convscope.look.keeping import Keeper, View
from convscope.look.sight import Sight

pytestmark = pytest.mark.once
IMAGE = "sample:fashion[3]"


@pytest.fixture
def keeper(sight, tmp_path):
    return Keeper(sight, tmp_path / "out", "fashion", {}, script=tmp_path / "out" / "look.convscope")


def test_the_picture_has_the_bytes_that_the_command_writes(keeper, tmp_path, monkeypatch, capsys):
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    for view in (View("projection", "block2_conv2:17", IMAGE, "spread"), View("map", "block2_conv2:17", IMAGE, "switches")):
        *_, told = keeper.save(view)
        (path,) = told["paths"]
        assert told["command"] == keeper.command(view)
        assert not main(shlex.split(told["command"])[1:])
        (twin,) = [line for line in capsys.readouterr().out.split() if line.endswith(".png")]
        assert Path(path).read_bytes() == Path(twin).read_bytes()


def test_each_kind_of_picture_has_its_command(keeper):
    said = {kind: keeper.command(View(kind, "block2_conv2:17@1,2", IMAGE, "guided")) for kind in ("map", "projection", "synthetic")}
    image = shlex.quote(IMAGE)
    assert said["map"] == f"convscope activations block2_conv2 {image} -m fashion"
    assert said["projection"] == f"convscope deconv block2_conv2:17@1,2 {image} --rules guided -m fashion"
    assert said["synthetic"] == "convscope ascend block2_conv2:17 -m fashion"
    with pytest.raises(OptionError, match="look MODEL -r RUN"):
        keeper.command(View("top", "block2_conv2:17", IMAGE, "switches"))


def test_a_script_grows_line_by_line(keeper):
    for way in ("switches", "spread"):
        told = keeper.add(View("projection", "block2_conv2:17", IMAGE, way))
    lines = keeper.script.read_text("utf-8").splitlines()
    assert lines[0].startswith("# ") and lines[-1] == told["line"] and sum(line.startswith("convscope") for line in lines) == 2


def test_a_dropped_picture_becomes_a_file_that_the_command_names(keeper, sight):
    file = io.BytesIO()
    Image.new("L", (30, 30), 200).save(file, "PNG")
    name = sight.gallery.drop(file.getvalue(), "mine.png")
    view = View("projection", "block2_conv2:17", name, "switches")
    told = keeper.add(view)
    path = keeper.folder / f"{name.removeprefix('upload:')}.png"
    assert path.read_bytes() == file.getvalue() and str(path) in told["line"]


def test_the_strongest_images_are_drawn_from_the_run(keeper, run_of_fashion, tmp_path, capsys):
    with_run = replace(keeper, run=str(run_of_fashion.path))
    view = View("top", "block2_conv2:17", IMAGE, "switches")
    *_, told = with_run.save(view)
    assert not main([*shlex.split(told["command"])[1:], "-o", str(tmp_path / "twin.png")])
    assert Path(told["paths"][0]).read_bytes() == (tmp_path / "twin.png").read_bytes()


def test_an_image_of_the_run_has_the_word_that_was_scanned(run_of_fashion, tmp_path):
    sight = Sight("fashion", ["sample:fashion[3]"], layers="block2_conv2", run=run_of_fashion)
    keeper = Keeper(sight, tmp_path, "fashion", {})
    view = View("projection", "block2_conv2:17", "run:41", "switches")
    assert keeper.command(view) == "convscope deconv block2_conv2:17 'sample:fashion[41]' -m fashion"
    with pytest.raises(ImageError):
        keeper.command(replace(view, image="run:60"))


def test_without_its_packages_the_command_says_how_to_get_them(monkeypatch, capsys):
    for name in [name for name in sys.modules if name.startswith(("convscope.look.live", "convscope.look.server"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(SystemExit, match="2"):
        main(["look", "fashion"])
    assert "pip install 'convscope[look]'" in capsys.readouterr().err
