"""NumPy files, written by NumPy or by hand, of any type and shape, damaged: as images, as labels and as features."""

import io
import random
import zipfile

import numpy as np

from convscope.embedding.vectors import holds_features, read_features
from convscope.errors import ConvscopeError
from convscope.images import Fit, as_batch, as_image_set
from damaging import damaged

from .running import unsound

SHORT = 40
CLOSE = 1e-6
WHITE = {"|u1": 255, "<u2": 65535, ">u2": 65535, "<f4": 1, ">f4": 1, "<f8": 1, "<f2": 1, "|b1": 1}
OTHERS = ("<i8", "|i1", "<u4", "<u8", "<c8", "<U3", "|S4", "<f16", "|V3", "<M8[s]", "|O", "<U0", "<f3", "|u9", "")
SHAPES = (
    "()",
    "(0,)",
    "(4,)",
    "(4, 0)",
    "(-1, 4)",
    "(4.0, 4)",
    "[4, 4]",
    "(1,) * 40",
    "(2**62, 4)",
    "(4, 4, 4)",
    "None",
    "(True, 4)",
    "4",
    "((((((4,",
)
NAMES = (
    "images",
    "labels",
    "label",
    "y",
    "names",
    "features",
    "embeddings",
    "paths",
    "predictions",
    "x",
    "../x",
    "\x1b[2J",
    "",
    "n" * 3000,
)


def attempt(number, folder):
    """Write arrays, perhaps damaged, and read them as images and as features; what is whole has the numbers that were written."""
    rng, random_numbers = random.Random(number), np.random.default_rng(number)
    write = rng.choice((single, single, several, several, by_hand))
    suffix, data, images, labels, features = write(rng, random_numbers)
    changed = damaged(data, rng) if rng.random() < 0.6 else data
    path = folder / f"set{suffix}"
    path.write_bytes(changed)
    words = []
    for read, expected in ((as_images, (images, labels)), (as_features, features)):
        try:
            read(path, expected if changed == data else None)
            words.append("read")
        except ConvscopeError as error:
            assert not unsound(str(error)), unsound(str(error))
            if changed == data and write is not by_hand:
                assert (images if read is as_images else features) is None, f"a sound file is refused: {error}"
            words.append("refused")
    return f"{write.__name__} images {words[0]}, features {words[1]}"


def as_images(path, expected):
    found = as_image_set(path)
    side = 5 if expected is None or expected[0] is None else expected[0].shape[1:3]
    size = (side, side) if isinstance(side, int) else side
    pixels = as_batch(path, Fit(3, size)).pixels
    assert pixels.shape == (len(found), *size, 3) and np.isfinite(pixels).all()
    assert pixels.min() >= 0 and pixels.max() <= 1, "pixels beyond [0, 1]"
    if expected is None or expected[0] is None:
        return
    images, labels = expected
    away = np.abs(pixels - (np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images)).max()
    assert away < CLOSE, f"off by {away:g}"
    assert [source.label for source in found.sources] == labels, "other labels"


def as_features(path, expected):
    holds_features(path)
    found = read_features(path)
    assert len(found.values) == len(found.names) == len(found.thumbnails)
    if expected is not None:
        np.testing.assert_array_equal(found.values, expected)


def numbers(random_numbers, shape, kind):
    white = WHITE[kind]
    whole = random_numbers.integers(0, white, shape, endpoint=True) if white > 1 else random_numbers.random(shape)
    return (whole > 0.5 if kind == "|b1" else whole).astype(kind)


def stack(rng, random_numbers):
    """Return images in one of the types that say what is white, and as shares of it, (image, height, width, band)."""
    kind = rng.choice(sorted(WHITE))
    shape = (rng.randrange(5, 9), rng.randrange(5, 9), rng.randrange(5, 9))
    array = numbers(random_numbers, shape if rng.random() < 0.3 else (*shape, rng.choice((1, 3))), kind)
    shares = array.astype(np.float64) / WHITE[kind]
    order = np.asfortranarray if rng.random() < 0.3 else np.ascontiguousarray
    return order(array), shares if array.ndim == 4 else shares[..., None]


def single(rng, random_numbers):
    if rng.random() < 0.3:
        array = numbers(random_numbers, (rng.randrange(1, 9), rng.randrange(1, 9)), rng.choice(("<f4", "<f8", ">f4")))
        return ".npy", written(array), array[None, ..., None].astype(float), [None], array
    array, shares = stack(rng, random_numbers)
    return ".npy", written(array), shares, [None] * len(array), None


def several(rng, random_numbers):
    """Return an .npz of images with labels, or of features, with other arrays beside them."""
    array, shares = stack(rng, random_numbers)
    count = len(array)
    values = random_numbers.integers(0, 3, count)
    labels, words = rng.choice(
        (
            (values, [str(one) for one in values]),
            (values[:, None].astype(">i2"), [str(one) for one in values]),
            (values.astype(float), [str(one) for one in values]),
            (np.array([f"é{one}" for one in values]), [f"é{one}" for one in values]),
            (np.array([b"b%d" % one for one in values]), [f"b{one}" for one in values]),
            (None, [None] * count),
        )
    )
    held = {"images": array} | ({} if labels is None else {rng.choice(("labels", "label", "y")): labels})
    features = None
    if rng.random() < 0.5:
        features = held["features"] = numbers(random_numbers, (count, 4), rng.choice(("<f4", "<f8", "<f2")))
    file = io.BytesIO()
    (np.savez_compressed if rng.random() < 0.5 else np.savez)(file, **held)
    return ".npz", file.getvalue(), shares, words, features


def by_hand(rng, random_numbers):
    """Return arrays whose headers, names and contents do not belong together."""
    members = {rng.choice(NAMES): odd(rng, random_numbers) for _ in range(rng.randrange(1, 4))}
    if rng.random() < 0.4:
        return ".npy", next(iter(members.values())), None, None, None
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA))) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}{rng.choice(('.npy', '.npy', '.npy', '.txt'))}", data)
    return ".npz", file.getvalue(), None, None, None


def odd(rng, random_numbers):
    kind = rng.choice((*WHITE, *OTHERS))
    shape = rng.choice((*SHAPES, "(4, 5, 5, 3)", "(4, 5, 5)", "(4, 4)", "(4,)", "(4, 1)"))
    order = rng.choice(("False", "False", "True", "1", "None"))
    header = f"{{'descr': {kind!r}, 'fortran_order': {order}, 'shape': {shape}, }}".ljust(117) + "\n"
    version = rng.choice((b"\1\0", b"\1\0", b"\2\0", b"\3\0", b"\4\0"))
    length = len(header).to_bytes(2 if version == b"\1\0" else 4, "little")
    values = rng.choice((bytes, random_numbers.bytes))(rng.choice((0, 16, 32, 400, 1200, 4800)))
    return b"\x93NUMPY" + version + length + header.encode() + values


def written(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()
