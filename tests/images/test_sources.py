"""What a user may call images."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convscope.errors import ImageError
from convscope.images import Fit, ImageStream, as_batch, as_image_set, entering

FIT = Fit(3, (4, 4))


@pytest.fixture
def folder(tmp_path):
    for label in ("cats", "dogs"):
        (tmp_path / label).mkdir()
        for number in range(2):
            Image.new("RGB", (6, 5), (40 * number, 0, 0)).save(tmp_path / label / f"{number}.png")
    return tmp_path


def test_subfolders_are_labels(folder):
    sources = as_image_set(folder).sources
    assert [source.name for source in sources] == ["cats/0.png", "cats/1.png", "dogs/0.png", "dogs/1.png"]
    assert [source.label for source in sources] == ["cats", "cats", "dogs", "dogs"]


def test_globs_files_and_lists(folder):
    assert len(as_image_set(str(folder / "*" / "1.png"))) == 2
    assert len(as_image_set([folder / "cats" / "0.png", folder / "dogs"])) == 3


def test_npz_with_labels_and_ranges(tmp_path):
    path = tmp_path / "set.npz"
    np.savez(path, images=np.zeros((5, 4, 4), np.uint8), labels=np.array([0, 1, 0, 1, 1]), names=np.array(["a", "b"]))
    assert [source.label for source in as_image_set(path).sources] == ["a", "b", "a", "b", "b"]
    assert [source.name for source in as_image_set(f"{path}[1-2]").sources] == ["set[1]", "set[2]"]
    with pytest.raises(ImageError, match="outside the 5 images"):
        as_image_set(f"{path}[3-9]")


def test_embedded_samples():
    assert len(as_image_set("sample:fashion")) == 2000
    assert as_batch("sample:cat", Fit(3, (50, 60))).pixels.shape == (1, 50, 60, 3)


@pytest.mark.parametrize(
    ("shape", "count"), [((5, 6), 1), ((5, 6, 1), 1), ((5, 6, 3), 1), ((2, 5, 6), 2), ((2, 5, 6, 3), 2), ((1, 5, 6, 3), 1)]
)
def test_arrays_of_every_rank(shape, count):
    assert as_batch(np.zeros(shape, np.float32), FIT).pixels.shape == (count, 4, 4, 3)


def test_floats_and_bytes_mean_the_same():
    values = np.random.default_rng(0).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    assert np.allclose(as_batch(values, FIT).pixels, as_batch(values / 255.0, FIT).pixels, atol=1e-6)


def test_a_pil_image():
    assert as_batch(Image.new("L", (4, 4), 255), FIT).pixels.min() == 1.0


def test_what_is_unreadable_in_a_folder_is_skipped_but_named_is_an_error(folder):
    (folder / "cats" / "2.png").write_bytes(b"no")
    stream = ImageStream(as_image_set(folder), FIT)
    assert len(list(stream)) == 4
    assert "2.png" in stream.skipped[0]
    assert stream.notes() == as_batch(folder, FIT).notes == ("1 image could not be read and was skipped: cats/2.png.",)
    with pytest.raises(ImageError):
        list(ImageStream(as_image_set(folder / "cats" / "2.png"), FIT))


def test_the_digest_is_of_what_was_read(folder):
    first = as_batch(folder, FIT).inputs
    assert first == as_batch(folder, FIT).inputs
    Image.new("RGB", (6, 5), (1, 2, 3)).save(folder / "cats" / "0.png")
    assert first != as_batch(folder, FIT).inputs


@pytest.mark.parametrize("wrong", [3, None, [], np.zeros((2, 2), np.int64), np.full((2, 2), np.nan), np.zeros((0, 2, 2, 3))])
def test_what_is_no_image_is_refused(wrong):
    with pytest.raises(ImageError):
        as_batch(wrong, FIT)


def test_grey_pictures_for_colour_networks_and_the_reverse(tmp_path):
    Image.new("L", (6, 5), 51).save(tmp_path / "grey.png")
    Image.new("RGB", (6, 5), (0, 255, 0)).save(tmp_path / "green.jpg", quality=100, subsampling=0)
    Image.fromarray(np.full((5, 6), 13107, np.uint16)).save(tmp_path / "sixteen.tif")
    green, grey, sixteen = as_batch(tmp_path, FIT).pixels
    assert np.allclose(grey, 0.2)
    assert np.allclose(sixteen, 0.2, atol=1e-4)
    assert np.allclose(green, [0, 1, 0], atol=0.01)
    green, grey, sixteen = as_batch(tmp_path, Fit(1, (4, 4))).pixels
    assert np.allclose(grey, 0.2)
    assert np.allclose(sixteen, 0.2, atol=1e-4)
    assert np.allclose(green, 0.587, atol=0.01)


def test_a_pil_image_is_read_as_a_file_of_it(tmp_path):
    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    clear.save(tmp_path / "clear.png")
    assert np.array_equal(as_batch(clear, FIT).pixels, as_batch(tmp_path / "clear.png", FIT).pixels)


@pytest.mark.parametrize("cut", [0, 10, 60, 600])
@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_damaged_numpy_files_are_errors(tmp_path, suffix, cut):
    path = tmp_path / f"set.{suffix}"
    images = np.random.default_rng(0).random((5, 8, 8), np.float32)
    np.save(path, images) if suffix == "npy" else np.savez_compressed(path, images=images)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ImageError, match="not a readable NumPy file"):
        as_image_set(path)


def test_what_enters_the_network_again_is_what_entered(tmp_path):
    """A reduced JPEG too: the picture shown beside a projection is the picture that was measured."""
    Image.effect_noise((900, 700), 80).resize((450, 350)).resize((900, 700)).save(tmp_path / "large.jpg")
    images = as_image_set(tmp_path)
    for image, source in ImageStream(images, Fit(3, (64, 48))):
        assert np.array_equal(entering(source, Fit(3, (64, 48)))[0], image)
        assert np.array_equal(as_batch(tmp_path / "large.jpg", Fit(3, (64, 48))).pixels[0], image)


NAMES = (
    "x" * 5000, "x" * 5000 + ".png", "nul\0.png", "~nobody", "~nobody/x.png", "~nobody\0", "a" * 300 + "/" * 3000, "**/" * 60 + "x",
    "x[" + "9" * 5000 + "]", "x[0-" + "1" * 5000 + "]", "[", "]", "x[]", "\ud800.png", "sample:", "sample:x" * 800, "", " ", "/dev/zero",
    "/dev/null.npz[x]", "x.npz[x]", "x.parquet[" + "y" * 5000 + "]", "con\x1b[31m.png", "list\n.csv",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_name_of_nothing_is_refused_in_one_sentence(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for given in (name, [name, name], Path(name)):
        with pytest.raises(ImageError) as raised:
            as_batch(given, FIT)
        assert str(raised.value).isprintable()
        assert len(str(raised.value)) < 4100
    if name.strip() and name.isprintable():
        (tmp_path / "list.csv").write_text(f"path\n{name}\n")
        with pytest.raises(ImageError):
            as_batch(tmp_path / "list.csv", FIT)


def test_a_band_that_is_taken_for_opacity_is_said(tmp_path):
    clear = np.zeros((3, 5, 6, 4), np.uint8)
    assert as_batch(clear, FIT).notes == ("The last of the 4 bands of `array[0]` is read as its opacity, over mid-grey.",)
    assert as_batch(clear[0, ..., :2], FIT).notes == ("The last of the 2 bands of `array` is read as its opacity, over mid-grey.",)
    assert as_batch(clear, Fit(4, (4, 4))).notes == as_batch(clear[..., :3], FIT).notes == ()
    Image.fromarray(clear[0], "RGBA").save(tmp_path / "x.png")
    assert as_batch(tmp_path / "x.png", FIT).notes == ()
