"""The same numbers are read the same, or refused with the same sentence, whichever file carries them."""

import io
import re
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convscope.errors import ImageError
from convscope.images import Fit, as_image_set, batch, entering, numbers, pictures

from .written import netpbm, png, tiff

pytestmark = pytest.mark.once
NETWORKS = (1, 3, 4, 7)
RNG = np.random.default_rng(0)
FAULTS = Path(__file__).parents[1] / "corpus" / "faults"


def made(kind, bands):
    """Return a picture (9, 11, band) of a type, over its whole range."""
    kind = np.dtype(kind)
    if kind.kind == "f":
        return RNG.random((9, 11, bands)).astype(kind)
    if kind.kind == "b":
        return RNG.random((9, 11, bands)) < 0.5
    ends = np.iinfo(kind)
    return RNG.integers(ends.min, ends.max, (9, 11, bands), kind.newbyteorder("="), endpoint=True).astype(kind)


def outcomes(values, folder):
    """Return what becomes of the same numbers in every file and form that can carry them, by the name of the form."""
    bands = values.shape[-1]
    kind, whole = values.dtype, values.dtype.kind in "ui"
    forms = {"array": values[None]}
    files = {}
    for suffix, write in (("npy", np.save), ("npz", lambda path, one: np.savez(path, images=one))):
        write(folder / f"x.{suffix}", values[None])
        forms[suffix] = folder / f"x.{suffix}"
    np.savez_compressed(folder / "packed.npz", other=values[None])
    forms["packed npz"] = folder / "packed.npz[other]"
    if kind.kind != "b":
        options = {"deflate": True} if bands > 1 else {}
        files |= {
            "tiff": tiff(values),
            "big tiff": tiff(values, order=">"),
            "other tiff": tiff(values, rows=4, planar=bands > 1, **options),
        }
        files |= {"tiled tiff": tiff(values, tile=(16, 16), deflate=True)}
        if kind.kind in "ui" and kind.itemsize <= 4:
            files["predicted tiff"] = tiff(values, deflate=True, predictor=2)
        if kind.kind == "f":
            files["predicted tiff"] = tiff(values, deflate=True, predictor=3)
    if kind.newbyteorder("=") in ("u1", "u2") and bands <= 4:
        files["png"] = png(values)
    if kind.newbyteorder("=") in ("u1", "u2") and bands in (1, 3):
        files |= {"netpbm": netpbm(values), "plain netpbm": netpbm(values, plain=True)}
    if bands == 1 and kind.newbyteorder("=") in ("u1", "u2", "i4", "f4", "b1"):
        forms["PIL"] = Image.fromarray(values[..., 0].astype(kind.newbyteorder("=")))
    elif bands in (2, 3, 4) and kind == np.uint8:
        forms["PIL"] = Image.fromarray(values, {2: "LA", 3: "RGB", 4: "RGBA"}[bands])
    for name, data in files.items():
        path = folder / f"{name}.png"
        path.write_bytes(data)
        forms[name] = path
    if files:
        with zipfile.ZipFile(folder / "x.zip", "w") as archive, tarfile.open(folder / "x.tar.gz", "w:gz") as tar:
            archive.write(forms["tiff"], "tiff.png")
            tar.add(forms["tiff"], "tiff.png")
        (folder / "list.csv").write_text("path\ntiff.png\n")
        forms |= {"zip": folder / "x.zip", "tar": folder / "x.tar.gz", "list": folder / "list.csv"}
    assert whole or len(forms) > 3
    return {name: outcome(given) for name, given in forms.items()}


def outcome(given):
    try:
        (source,) = as_image_set(given).sources
        return [outcome_of(source, channels) for channels in NETWORKS]
    except ImageError as error:
        return sentence(error)


def outcome_of(source, channels):
    try:
        return entering(source, Fit(channels, (9, 11)))[0]
    except ImageError as error:
        return sentence(error)


def sentence(error):
    return re.sub(r"`[^`]*`", "`x`", str(error))


def same(one, other):
    """Say whether two outcomes agree; an array is refused when it is listed, a picture when it is opened."""
    pairs = zip(*([outcome] * len(NETWORKS) if isinstance(outcome, str) else outcome for outcome in (one, other)), strict=True)
    return all(
        first == second if isinstance(first, str) or isinstance(second, str) else np.array_equal(first, second) for first, second in pairs
    )


KINDS = ("u1", "<u2", ">u2", "i1", "<i2", "<i4", "<u4", "<i8", "<f2", "<f4", "<f8", ">f4", "?")


@pytest.mark.parametrize("bands", [1, 2, 3, 4, 5, 7])
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_numbers_are_read_the_same_or_refused_alike(kind, bands, tmp_path):
    found = outcomes(made(kind, bands), tmp_path)
    if kind[-2:] in ("i1", "i2", "i4", "u4", "i8"):
        assert "does not say what is white. Expected floats in [0, 1], uint8 (0-255) or uint16 (0-65535)." in found["array"]
    else:
        assert not isinstance(found["array"], str)
        assert isinstance(found["array"][1], str) == (bands > 4)
        assert isinstance(found["array"][3], str) == (bands != 7)
    assert [name for name, one in found.items() if not same(one, found["array"])] == []


STRANGE = {
    "below": ([-0.5, 1.0], "has values from -0.5 to 1. Expected floats in [0, 1]"),
    "above": ([0.0, 255.0], "has values from 0 to 255."),
    "Hounsfield": ([-1000.0, 1000.0], "has values from -1000 to 1000."),
    "not a number": ([0.0, np.nan], "has values that are not finite numbers."),
    "infinite": ([0.0, np.inf], "has values that are not finite numbers."),
    "infinitely dark": ([-np.inf, 0.5], "has values that are not finite numbers."),
}


@pytest.mark.parametrize("bands", [1, 3, 7])
@pytest.mark.parametrize("name", STRANGE)
def test_floats_that_are_not_brightness_are_refused_alike(name, bands, tmp_path):
    extremes, said = STRANGE[name]
    values = made("<f4", bands)
    values[3, 4], values[7, 2] = extremes
    found = outcomes(values, tmp_path)
    assert said in found["array"]
    assert [name for name, one in found.items() if not same(one, found["array"])] == []


def test_a_scan_in_hounsfield_units_is_refused_and_not_clipped():
    with pytest.raises(ImageError, match=r"has values from -1000 to 1000\. Expected floats in \[0, 1\]"):
        entering(as_image_set(FAULTS / "f_hu.tif").sources[0], Fit(1, (64, 64)))


def test_brightness_between_pictures_is_kept(tmp_path):
    """A dark picture stays dark: no picture is stretched by its own maximum."""
    for top in (1000, 40_000, 65_535):
        values = np.full((4, 4, 1), top, np.uint16)
        for name, data in (("tif", tiff(values)), ("png", png(values)), ("pgm", netpbm(values))):
            (tmp_path / f"x.{name}").write_bytes(data)
            assert np.allclose(as_image_set(tmp_path / f"x.{name}").sources[0].read()[0], top / 65535, atol=1e-7)
        (tmp_path / "f.tif").write_bytes(tiff((values / 65535).astype(np.float32)))
        assert np.allclose(as_image_set(tmp_path / "f.tif").sources[0].read()[0], top / 65535, atol=1e-6)


def read(data, **options):
    with pictures.decode(data, "x", **options) as found:
        return found[:]


def test_white_is_what_the_file_says_it_is():
    twelve = np.array([[0, 4095, 2048, 1]], np.uint16)
    packed = bytes([0x00, 0x0F, 0xFF, 0x80, 0x00, 0x01])
    found = read(tiff(twelve[..., None], bits=12).replace(twelve.astype("<u2").tobytes(), packed.ljust(8, b"\0")))
    assert np.allclose(found[0, :, 0], twelve / 4095)
    ten = RNG.integers(0, 1024, (5, 6, 3), np.uint16)
    for plain in (False, True):
        assert np.allclose(read(netpbm(ten, 1023, plain=plain)), ten / 1023)
    inverted = tiff(np.array([[[0], [65535], [1]]], np.uint16), photometric=0)
    assert read(inverted)[0, :, 0].tolist() == [65535, 0, 65534]


def test_clear_colours_of_16_bits_are_transparent():
    colours = made("<u2", 3)
    found = numbers.brightness(read(png(colours, clear=colours[2, 3])))
    assert found.shape == (9, 11, 4)
    assert (found[..., 3] == 0).sum() == 1
    assert found[2, 3, 3] == 0
    grey = made("<u2", 1)
    assert read(png(grey, clear=grey[2, 3]))[2, 3].tolist() == [grey[2, 3, 0], 0]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_tiff_ends_upright(orientation):
    values = RNG.integers(0, 256, (5, 8, 7), np.uint8)
    found = read(tiff(values, more={274: (3, (orientation,))}))
    plain = read(tiff(values[..., :3], more={274: (3, (orientation,))}))
    assert np.array_equal(found[..., :3], plain)


def test_a_tiff_that_neither_reads_says_what_it_holds():
    values = made("<u2", 7)
    with pytest.raises(
        ImageError, match=r"is a TIFF of 7 bands of uint16, packed by a method other than deflate, which convscope cannot read\. Save its"
    ):
        read(tiff(values, more={259: (3, (5,))}))


def test_fuzzed_tiffs_of_many_bands_are_read_or_refused():
    whole = tiff(made("<f4", 7), deflate=True, tile=(16, 16))
    for _ in range(300):
        data = bytearray(whole)
        for place in RNG.integers(len(data) - 200, len(data), size=2):
            data[place] = int(RNG.integers(256))
        try:
            found = read(bytes(data))
        except ImageError:
            continue
        assert found.dtype.kind in "uf"


def test_a_picture_in_memory_is_upright_as_its_file_is():
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    Image.fromarray(RNG.integers(0, 256, (6, 8, 3), np.uint8)).save(file, "PNG", exif=exif)
    assert as_image_set(Image.open(file)).sources[0].read()[0].shape == (8, 6, 3)


def test_an_array_is_one_picture_or_a_stack_in_memory_as_in_a_file(tmp_path):
    for shape, count in (((9, 11), 1), ((9, 11, 3), 1), ((9, 11, 4), 1), ((5, 9, 11), 5), ((5, 9, 11, 3), 5)):
        values = RNG.random(shape)
        np.save(tmp_path / "x.npy", values)
        np.savez(tmp_path / "x.npz", images=values)
        assert [len(as_image_set(given)) for given in (values, tmp_path / "x.npy", tmp_path / "x.npz")] == [count] * 3


def test_masked_values_are_not_read_as_numbers():
    with pytest.raises(ImageError, match="masked values"):
        as_image_set(np.ma.masked_less(RNG.random((4, 4)), 0.5))
    assert len(as_image_set(np.ma.masked_less(RNG.random((4, 4)), -1.0))) == 1


@pytest.mark.parametrize(
    ("kind", "largest", "said"), [("uint16", 255, True), ("uint16", 256, False), ("uint8", 1, False), ("uint16", 0, False)]
)
def test_numbers_of_8_bits_in_16_are_said_to_be_nearly_black(kind, largest, said):
    stored = np.zeros((2, 8, 8, 3), kind)
    stored[1, 3, 3] = largest
    assert (batch.NEARLY_BLACK in batch.as_batch(stored, Fit(3, (8, 8), keep_arrays=True)).notes) == said
