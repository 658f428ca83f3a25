"""Images by name: what was given, dropped or embedded, and no path that a page names."""

import io

import numpy as np
import pytest
from PIL import Image

from convscope.errors import ImageError
from convscope.images import Fit
from convscope.look.gallery import MOST_DROPPED, Gallery

pytestmark = pytest.mark.once
FIT = Fit(3, (32, 32))


def picture(colour, size=(40, 40)):
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "photos").mkdir()
    for number, name in enumerate(("a.png", "<script>.png", "שלום.png")):
        (tmp_path / "photos" / name).write_bytes(picture((number, 0, 0)))
    (tmp_path / "secret.png").write_bytes(picture("red"))
    return tmp_path


def test_images_of_the_command_line_are_named_by_its_words(folder):
    words = str(folder / "photos")
    gallery = Gallery([words, "sample:cat"], FIT)
    assert [one.name(len(one.sources) - 1) for one in gallery.series] == [f"{words}[2]", "sample:cat"] and gallery.first == f"{words}[0]"
    assert {gallery.title(f"{words}[{place}]") for place in range(3)} == {"a.png", "<script>.png", "שלום.png"}
    assert gallery.title("sample:cat") == "cat.jpg" and gallery.title("sample:fashion[7]").endswith("[7]")
    assert gallery.pixels("sample:cat").shape == (32, 32, 3)
    path, files = gallery.words(f"{words}[0]", folder / "out")
    assert path.startswith(words) and files == {}
    assert gallery.words("sample:cat", folder) == ("sample:cat", {})


def test_a_range_of_images_keeps_their_numbers(folder):
    gallery = Gallery(["sample:fashion[5-9]"], Fit(1, (28, 28)))
    assert [gallery.series[0].name(place) for place in (0, 4)] == [
        "sample:fashion[5]",
        "sample:fashion[9]",
    ] and gallery.first == "sample:fashion[5]"
    assert gallery.title("sample:fashion[6]").endswith("[6]") and gallery.title("sample:fashion[2]").endswith("[2]")


@pytest.mark.parametrize(
    "name", ["{}/secret.png", "{}/photos/a.png", "{}/photos[3]", "{}/photos[-1]", "../x", "", "sample:nothing", "run:0", "x" * 5000]
)
def test_no_other_path_is_opened(folder, name):
    gallery = Gallery([str(folder / "photos")], FIT)
    with pytest.raises(ImageError):
        gallery.pixels(name.format(folder))


def test_what_is_dropped_has_a_name_for_as_long_as_there_is_room(folder, monkeypatch):
    gallery = Gallery([str(folder / "photos")], FIT)
    name = gallery.drop(picture((9, 8, 7)), "../../<b>\u202eevil.JPG")
    assert name.startswith("upload:") and name == gallery.drop(picture((9, 8, 7)), "other.png")
    assert np.allclose(gallery.pixels(name)[0, 0] * 255, (9, 8, 7), atol=1e-3)
    path, files = gallery.words(name, folder / "out")
    assert files == {folder / "out" / f"{name.removeprefix('upload:')}.png": picture((9, 8, 7))} and path == str(next(iter(files)))
    gallery._dropped.room = len(picture("red")) + 1
    gallery.drop(picture("red"), "red.png")
    with pytest.raises(ImageError, match="Drop it again"):
        gallery.pixels(name)


def test_what_is_no_picture_is_not_kept(folder):
    gallery = Gallery([str(folder / "photos")], FIT)
    for data in (b"", b"not a picture", picture("red")[:60]):
        with pytest.raises(ImageError):
            gallery.drop(data, "x.png")
    with pytest.raises(ImageError, match="at most"):
        gallery.drop(bytes(MOST_DROPPED + 1), "x.png")


def test_a_network_gets_the_samples_that_suit_it():
    assert Gallery([], Fit(1, (28, 28))).first == "sample:fashion[0]"
    assert "sample:cat" in [one.word for one in Gallery([], Fit(3, (224, 224))).series]
