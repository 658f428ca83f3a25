"""Folders are listed without opening anything, in one order, and end."""

import os
import sys

import pytest
from PIL import Image

from convscope.errors import ImageError
from convscope.images import Fit, ImageStream, as_image_set
from convscope.images.folders import labels_of

FIT = Fit(3, (4, 4))


def picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (6, 5), (40, 0, 0)).save(path)
    return path


def listed(folder):
    return [(source.name, source.label) for source in as_image_set(folder).sources]


def test_the_first_subfolder_is_the_label_and_names_are_in_order_of_folders(tmp_path):
    for name in ("top.png", "cats/0.png", "cats-2/0.png", "cats/deep/er/1.PNG", "dogs/notes.jpg/2.jpeg"):
        picture(tmp_path / name)
    (tmp_path / "cats" / "notes.txt").write_text("no picture")
    assert listed(tmp_path) == [
        ("cats/0.png", "cats"),
        ("cats/deep/er/1.PNG", "cats"),
        ("cats-2/0.png", "cats-2"),
        ("dogs/notes.jpg/2.jpeg", "dogs"),
        ("top.png", None),
    ]


def test_hidden_files_and_folders_are_passed_over(tmp_path):
    for name in ("0.png", ".1.png", "._0.png", ".thumbnails/0.png", "__MACOSX/0.png"):
        picture(tmp_path / name)
    assert listed(tmp_path) == [("0.png", None)]


def test_a_hidden_folder_that_was_named_is_read(tmp_path):
    picture(tmp_path / ".hidden" / "0.png")
    assert listed(tmp_path / ".hidden") == [("0.png", None)]


def test_links_are_followed_and_circles_end(tmp_path):
    picture(tmp_path / "away" / "0.png")
    picture(tmp_path / "data" / "cats" / "1.png")
    (tmp_path / "data" / "aaa").symlink_to(tmp_path / "data" / "cats")  # the folder's own name counts, not the link's
    (tmp_path / "data" / "birds").symlink_to(tmp_path / "away")
    (tmp_path / "data" / "cats" / "up").symlink_to(tmp_path / "data")
    (tmp_path / "away" / "across").symlink_to(tmp_path / "data" / "cats")
    (tmp_path / "data" / "itself.png").symlink_to("itself.png")
    assert listed(tmp_path / "data") == [("birds/0.png", "birds"), ("cats/1.png", "cats"), ("itself.png", None)]


def test_what_may_not_be_read_is_skipped_with_its_reason(tmp_path):
    picture(tmp_path / "0.png")
    (tmp_path / "gone.png").symlink_to("nowhere")
    if sys.platform != "win32":
        os.mkfifo(tmp_path / "pipe.png")
    stream = ImageStream(as_image_set(tmp_path), FIT)
    assert [source.name for _, source in stream] == ["0.png"]
    assert [reason.split("`")[1].rsplit(os.sep)[-1] for reason in stream.skipped] == ["gone.png"]
    assert "No such file" in stream.skipped[0]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_closed_subfolder_is_skipped_with_its_reason(tmp_path):
    picture(tmp_path / "0.png")
    picture(tmp_path / "closed" / "1.png")
    (tmp_path / "closed").chmod(0)
    try:
        stream = ImageStream(as_image_set(tmp_path), FIT)
        assert len(list(stream)) == 1
        assert "Permission denied" in stream.skipped[0]
    finally:
        (tmp_path / "closed").chmod(0o700)


def test_a_folder_of_archives_says_how_to_give_them(tmp_path):
    (tmp_path / "train-0.zip").write_bytes(b"")
    with pytest.raises(ImageError, match="holds archives. Name them with"):
        as_image_set(tmp_path)


def test_a_picture_that_vanishes_after_it_was_listed_is_skipped(tmp_path):
    picture(tmp_path / "0.png")
    gone = picture(tmp_path / "1.png")
    stream = ImageStream(as_image_set(tmp_path), FIT)
    gone.unlink()
    assert len(list(stream)) == 1
    assert "1.png" in stream.skipped[0]


@pytest.mark.parametrize(
    ("paths", "labels"),
    [
        (["a/1", "b/2", "3"], ["a", "b", None]),
        (["set/a/1", "set/b/2", "set/3"], ["a", "b", None]),
        (["all/set/a/1", "all/set/b/2"], ["a", "b"]),
        (["a/1", "a/2"], ["a", "a"]),
        (["1", "2"], [None, None]),
        ([], []),
    ],
)
def test_folders_around_everything_are_no_labels(paths, labels):
    assert labels_of([path.split("/") for path in paths]) == labels
