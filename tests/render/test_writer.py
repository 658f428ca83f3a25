import errno
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import records
from PIL import Image, ImageShow

from convscope import files
from convscope.errors import OutputError
from convscope.formats.picture import read_provenance


def test_a_picture_carries_its_provenance(tmp_path: Path) -> None:
    result = records.ascent(2)
    written = result.save(tmp_path / "made up.PNG")
    assert [path.name for path in written] == ["made up.PNG", "made up.json"]
    expected = json.loads(result.provenance.as_json(picture="sheet.png"))
    assert [read_provenance(path) for path in written] == [expected, expected]
    with Image.open(written[0]) as picture:
        assert picture.info["Software"] == "convscope"


def test_a_folder_takes_everything(tmp_path: Path) -> None:
    written = records.embedding(5).save(tmp_path / "new" / "folder", raw=True)
    assert {path.name for path in written} == {"map.png", "map.json", "grid.png", "grid.json", "map.parquet", "map.npz"}
    units = records.ascent(2).save(tmp_path / "units")
    assert [read_provenance(path)["picture"] for path in units if path.suffix == ".png"] == [
        "sheet.png",
        "conv-0.png",
        "conv-1.png",
    ]


def test_a_single_picture_has_its_companions_beside_it(tmp_path: Path) -> None:
    result = records.embedding(5)
    names = [path.name for path in result.save(tmp_path / "fashion.v2.png", raw=True)]
    assert names == ["fashion.v2.png", "fashion.v2.json", "fashion.v2.parquet", "fashion.v2.npz"]
    with np.load(tmp_path / "fashion.v2.npz") as arrays:
        assert (arrays["points"] == result.points).all()


def test_the_bytes_are_the_same_each_time(tmp_path: Path) -> None:
    result = records.saliency()
    first = [path.read_bytes() for path in result.save(tmp_path / "a.png", raw=True)]
    assert [path.read_bytes() for path in result.save(tmp_path / "a.png", raw=True)] == first
    assert result._repr_png_() == first[0]
    assert list(tmp_path.glob(".*")) == []


def test_a_written_ascent_is_the_record(tmp_path: Path) -> None:
    result = records.ascent(1)
    result.save(tmp_path / "one.png")
    with Image.open(tmp_path / "one.png") as picture:
        assert (np.asarray(picture, np.float32) / np.float32(255) == result.images[0]).all()


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_names_of_any_kind_survive(tmp_path: Path, suffix: str) -> None:
    result, name = records.saliency(), "caf\udce9 猫 (a) \\n </metadata>]]> \n\r"
    odd = replace(result, provenance=replace(result.provenance, inputs=({"name": name},)))
    for path in odd.save(tmp_path / f"a{suffix}"):
        assert read_provenance(path)["inputs"] == [{"name": name}]


@pytest.mark.parametrize("suffix", [".svg", ".pdf", ".PDF"])
def test_pictures_for_print_have_their_companions_too(tmp_path: Path, suffix: str) -> None:
    written = records.embedding(5).save(tmp_path / f"map{suffix}")
    assert [path.name for path in written] == [f"map{suffix}", "map.json", "map.parquet"]


def test_a_sheet_says_its_size_on_paper_and_a_plain_picture_does_not(tmp_path: Path) -> None:
    sizes = []
    for count in (2, 1):
        with Image.open(records.ascent(count).save(tmp_path / "a.png")[0]) as picture:
            sizes.append(picture.info.get("dpi"))
    assert sizes[0] == pytest.approx((300, 300), abs=0.1) and sizes[1] is None


@pytest.mark.parametrize("name", ["a.jpg", "a.EPS", "a.tiff", "a.csv"])
def test_other_formats_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match=r"file cannot hold provenance.*a\.png"):
        records.saliency().save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_way_of_a_picture(tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    with pytest.raises(OutputError, match="a folder stands where a file is expected"):
        records.saliency().save(tmp_path / "a.png")


def test_a_file_in_the_way_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    for path in (tmp_path / "out", tmp_path / "out" / "a.png"):
        with pytest.raises(OutputError, match="a file stands where a folder is expected"):
            records.saliency().save(path)
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize("name", ["x" * 300 + ".png", "nul\0.png"])
def test_impossible_names(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="Cannot write"):
        records.saliency().save(tmp_path / name)


def test_the_longest_possible_name_is_written(tmp_path: Path) -> None:
    records.saliency().save(tmp_path / ("x" * 250 + ".png"))


@pytest.mark.parametrize(("code", "words"), [(errno.ENOSPC, "disk is full"), (errno.EACCES, "permission denied")])
def test_a_failure_leaves_the_old_files(tmp_path: Path, monkeypatch: Any, code: int, words: str) -> None:
    old = records.saliency().save(tmp_path / "a.png")
    before = {path: path.read_bytes() for path in old}
    write, calls = files._write_new, []

    def fails_at_the_second(path: Path, content: bytes) -> None:
        calls.append(path)
        if len(calls) == 2:
            write(path, content[:10])
            raise OSError(code, os.strerror(code))
        write(path, content)

    monkeypatch.setattr(files, "_write_new", fails_at_the_second)
    with pytest.raises(OutputError, match=words):
        records.saliency(2).save(tmp_path / "a.png")
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_interrupt_leaves_the_old_files(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "a.txt").write_text("old")

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        files.write_files({tmp_path / "a.txt": b"new"})
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_new_files_follow_the_umask(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    files.write_files({tmp_path / "written": b""})
    assert (tmp_path / "written").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_show_needs_a_viewer(monkeypatch: Any) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(ImageShow, "show", lambda picture, title: seen.append(title) or True)
    records.saliency().show()
    assert seen == ["saliency"]
    monkeypatch.setattr(ImageShow, "show", lambda picture, title: False)
    with pytest.raises(OutputError, match="no image viewer"):
        records.saliency().show()


def test_show_in_a_notebook_displays_the_result(monkeypatch: Any) -> None:
    seen: list[Any] = []
    shell = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=1))
    monkeypatch.setitem(sys.modules, "IPython", shell)
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=seen.append))
    result = records.saliency()
    result.show()
    assert seen == [result]
