"""A picture that could not be reached is not one that cannot be read: it is tried again, within the scan and by the next one."""

import os
import sys
from pathlib import Path

import arithmetic
import numpy as np
import pytest
from PIL import Image

from convscope.engines import Serial
from convscope.errors import ImageError, UnreachableError
from convscope.images import as_image_set, pictures
from convscope.scanning import open_run
from convscope.scanning.completion import complete_run

RESULT = ("images.parquet", "units.parquet", "top.parquet", "skipped.parquet", "features.npy", "manifest.json")


def result(run):
    return {name: (Path(run) / name).read_bytes() for name in RESULT}


@pytest.fixture
def photos(tmp_path):
    for number in range(40):
        path = tmp_path / "photos" / f"{number // 10}" / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(arithmetic.pictures(number + 1)[number, ..., 0]).save(path)
    (tmp_path / "photos" / "0" / "05.png").write_bytes(b"no picture")
    return tmp_path / "photos"


def scanned(run, given, **more):
    complete_run(run, as_image_set(given), arithmetic.Arithmetic(), arithmetic.SETTINGS, **more)
    return open_run(run)


@pytest.fixture
def undisturbed(tmp_path, photos):
    scanned(tmp_path / "undisturbed", photos)
    return result(tmp_path / "undisturbed")


def without(folder, while_):
    """Do something while a folder is away."""
    aside = folder.with_name("aside")
    folder.rename(aside)
    try:
        return while_()
    finally:
        aside.rename(folder)


def test_pictures_that_were_away_are_scanned_by_the_next_scan_and_the_bytes_are_those_of_an_undisturbed_one(tmp_path, photos, undisturbed):
    given = as_image_set(photos)
    run = tmp_path / "run"
    without(photos / "2", lambda: complete_run(run, given, arithmetic.Arithmetic(), arithmetic.SETTINGS))
    found = open_run(run)
    assert not found.complete and len(found) == 29 and found.unreachable == 10 and found.manifest["skipped"] == 1
    kinds = dict(zip(found.skipped.numbers["image"].tolist(), found.skipped.texts["kind"], strict=True))
    assert kinds == {5: "unreadable", **dict.fromkeys(range(20, 30), "unreachable")}
    assert "No such file" in found.skipped.texts["reason"][-1]
    assert found.units("maps").count.tolist() == [29] * 5 and np.isnan(found.features[20:30]).all()
    assert scanned(run, photos).complete and result(run) == undisturbed


def test_what_comes_back_during_the_scan_is_reached_at_its_end(tmp_path, photos, undisturbed):
    turns = []

    class Away(Serial):
        def map(self, function, shards):
            turns.append(1)
            found = lambda: [function(shard) for shard in shards]  # noqa: E731
            yield from without(photos / "1", found) if len(turns) == 1 else found()

    run = scanned(tmp_path / "run", photos, engine=Away(), function=arithmetic.here)
    assert len(turns) == 2 and run.complete and result(run.path) == undisturbed


def test_a_picture_for_which_memory_ran_out_is_tried_again(tmp_path, photos, undisturbed, monkeypatch):
    decode, wanting = pictures.Image.open, [3]

    def opened(*given, **more):
        if wanting[0]:
            wanting[0] -= 1
            raise MemoryError
        return decode(*given, **more)

    monkeypatch.setattr(pictures.Image, "open", opened)
    assert scanned(tmp_path / "run", photos).complete and result(tmp_path / "run") == undisturbed


def test_nothing_reached_is_an_error_and_the_next_scan_is_whole(tmp_path, photos, undisturbed):
    given = as_image_set(photos)
    with pytest.raises(ImageError, match="None of the 40 images could be read. The first error: .*No such file"):
        without(photos, lambda: complete_run(tmp_path / "run", given, arithmetic.Arithmetic(), arithmetic.SETTINGS))
    assert scanned(tmp_path / "run", photos).complete and result(tmp_path / "run") == undisturbed


@pytest.mark.skipif(sys.platform == "win32" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may enter every folder")
def test_a_folder_that_may_not_be_entered_is_said_and_its_pictures_come_later(tmp_path, photos):
    (photos / "3").chmod(0)
    check_folder_away(scanned(tmp_path / "run", photos))
    (photos / "3").chmod(0o755)
    check_all(scanned(tmp_path / "run", photos))


def test_a_folder_that_could_not_be_listed_is_said_and_its_pictures_come_later(tmp_path, photos, monkeypatch):
    scandir = os.scandir

    def listed(path):
        if str(path).rstrip("/").endswith("photos/3"):
            raise OSError(5, "Input/output error")
        return scandir(path)

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", listed)
        check_folder_away(scanned(tmp_path / "run", photos))
    check_all(scanned(tmp_path / "run", photos))


def check_folder_away(run):
    assert not run.complete and len(run) == 29 and run.unreachable == 1 and run.manifest["count"] == 30
    assert (run.skipped.numbers["image"][0], run.skipped.texts["name"][0], run.skipped.texts["kind"][0]) == (-1, "3", "unreachable")


def check_all(run):
    assert run.complete and len(run) == 39 and run.unreachable == 0


def test_a_resumed_scan_is_not_stopped_by_known_pictures_that_are_away_unless_all_are(tmp_path, photos):
    run = tmp_path / "run"
    scanned(run, photos)
    Image.new("L", (6, 6), 3).save(photos / "3" / "new.png")
    given = as_image_set(photos)
    without(photos / "1", lambda: complete_run(run, given, arithmetic.Arithmetic(), arithmetic.SETTINGS))
    assert len(open_run(run)) == 40
    with pytest.raises(UnreachableError, match="No such file"):
        without(photos, lambda: complete_run(run, given, arithmetic.Arithmetic(), arithmetic.SETTINGS))
