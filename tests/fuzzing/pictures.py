"""Pictures of every format, type and packing that Pillow writes, and damaged ones: an intact one has the numbers that were written."""

import io
import random
import struct
import zlib

import numpy as np
from PIL import Image

from convscope.images import Fit, as_batch
from damaging import damaged

SHORT = 40
CLOSE = 2e-3  # of white; 16 bits keep a thousandth of that
MOST = 40
TIFF_PACKINGS = (None, "tiff_deflate", "tiff_adobe_deflate", "tiff_lzw", "packbits")


def attempt(number, folder):
    """Write a picture, perhaps damaged, and read it as it enters a network."""
    rng = random.Random(number)
    kind = rng.choice(sorted(WRITERS))
    suffix, data, expected = WRITERS[kind](np.random.default_rng(number), rng)
    changed = damaged(data, rng)
    path = folder / f"picture.{rng.choice((suffix, suffix, suffix, 'png', 'JPG'))}"
    path.write_bytes(changed)
    channels = rng.choice((1, 3))
    whole = changed == data and expected is not None
    size = expected.shape[:2] if whole and rng.random() < 0.8 else (rng.randrange(1, 40), rng.randrange(1, 40))
    batch = as_batch(path, Fit(channels, size))
    assert batch.pixels.shape == (1, *size, channels) and batch.pixels.dtype == np.float32, batch.pixels.shape
    assert np.isfinite(batch.pixels).all() and batch.pixels.min() >= 0 and batch.pixels.max() <= 1, "pixels beyond [0, 1]"
    if whole and size == expected.shape[:2]:
        away = np.abs(batch.pixels[0] - brought(expected, channels)).max()
        assert away < CLOSE, f"{kind} for {channels} channels is off by {away:g}"
        return f"{kind} right"
    return f"{kind} read"


def brought(image, channels):
    """Return an image (height, width, band) in [0, 1] for a network of so many channels, opacity over mid-grey."""
    if image.shape[-1] in (2, 4):
        image = image[..., :-1] * image[..., -1:] + (1 - image[..., -1:]) * 128 / 255
    if channels == 3:
        return np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image
    return image @ np.array([[0.299], [0.587], [0.114]]) if image.shape[-1] == 3 else image


def pixels(rng, chance, bands, kind=np.uint8):
    shape = (chance.randrange(1, MOST), chance.randrange(1, MOST), bands)
    return rng.integers(0, np.iinfo(kind).max, shape, kind, endpoint=True)


def saved(values, form, **options):
    file = io.BytesIO()
    Image.fromarray(values[..., 0] if values.shape[-1] == 1 else values).save(file, form, **options)
    return file.getvalue()


def png(rng, chance):
    values = pixels(rng, chance, chance.choice((1, 2, 3, 4)))
    return "png", saved(values, "PNG", compress_level=chance.choice((0, 6))), values / 255


def png_of_16_bits(rng, chance):
    """Write what Pillow cannot: 16 bits in one to four bands."""
    values = pixels(rng, chance, chance.choice((1, 2, 3, 4)), np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, (0, 4, 2, 6)[values.shape[-1] - 1], 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    chunks = (struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts)
    return "png", b"\x89PNG\r\n\x1a\n" + b"".join(chunks), values / 65535


def palette(rng, chance):
    values = pixels(rng, chance, 3)
    picture = Image.fromarray(values).quantize(chance.choice((2, 7, 256)))
    file, form = io.BytesIO(), chance.choice(("PNG", "GIF", "BMP", "TIFF"))
    picture.save(file, form)
    return form.lower(), file.getvalue(), np.asarray(picture.convert("RGB")) / 255


def jpeg(rng, chance):
    mode = chance.choice(("L", "RGB", "CMYK", "YCbCr"))
    values = pixels(rng, chance, len(Image.new(mode, (1, 1)).getbands()))
    file = io.BytesIO()
    Image.frombytes(mode, values.shape[1::-1], values.tobytes()).save(
        file, "JPEG", quality=chance.choice((30, 95)), progressive=chance.random() < 0.3, exif=exif(chance)
    )
    return "jpg", file.getvalue(), None


def exif(chance):
    found = Image.Exif()
    found[274] = chance.randrange(0, 10)
    return found


def gif(rng, chance):
    frames = [Image.fromarray(one) for one in rng.integers(0, 256, (3, chance.randrange(1, MOST), chance.randrange(1, MOST)), np.uint8)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return "gif", file.getvalue(), np.asarray(frames[0])[..., None] / 255


def bmp(rng, chance):
    values = pixels(rng, chance, chance.choice((1, 3)))
    return "bmp", saved(values, "BMP"), values / 255


def webp(rng, chance):
    values = pixels(rng, chance, chance.choice((3, 4)))
    lossless = chance.random() < 0.5
    return "webp", saved(values, "WEBP", lossless=lossless, exact=True), values / 255 if lossless else None


def tiff(rng, chance):
    kind = chance.choice((np.uint8, np.uint8, np.uint16, np.float32))
    values = pixels(rng, chance, chance.choice((1, 2, 3, 4)) if kind is np.uint8 else 1, np.uint8 if kind is np.float32 else kind)
    white = np.iinfo(values.dtype).max
    stored = (values / 255).astype(np.float32) if kind is np.float32 else values
    return "tif", saved(stored, "TIFF", compression=chance.choice(TIFF_PACKINGS)), values / white


def tiff_by_hand(rng, chance):
    """Write a TIFF of any number of bands of any type, together or apart, in strips, plain or deflated, of either byte order."""
    order = chance.choice("<>")
    kind, bands = chance.choice(("u1", "u2", "f2", "f4", "f8")), chance.randrange(1, 5)
    values = rng.random((chance.randrange(1, MOST), chance.randrange(1, MOST), bands))
    white = {"u1": 255, "u2": 65535}.get(kind, 1)
    values = np.round(values * white) / white if white > 1 else values.astype(kind).astype(float)
    stored = np.round(values * white).astype(order + kind) if white > 1 else values.astype(order + kind)
    apart, packed, rows = chance.random() < 0.3, chance.random() < 0.5, chance.randrange(1, len(values) + 1)
    planes = [stored[..., one] for one in range(bands)] if apart else [stored]
    strips = [plane[start : start + rows].tobytes() for plane in planes for start in range(0, len(values), rows)]
    strips = [zlib.compress(one) for one in strips] if packed else strips
    opacity = (2,) if bands in (2, 4) else ()
    tags = [(256, values.shape[1]), (257, len(values)), (258, (8 * stored.itemsize,) * bands), (259, 8 if packed else 1)]
    starts = tuple(np.cumsum([8, *map(len, strips[:-1])]).tolist())
    tags += [(262, 2 if bands > 2 else 1), (273, starts), (277, bands), (278, rows), (279, tuple(map(len, strips)))]
    tags += [(284, 2 if apart else 1), *([(338, opacity)] if opacity else []), (339, (3 if kind[0] == "f" else 1,) * bands)]
    return "tif", _tiff(order, strips, tags), values


def _tiff(order, strips, tags):
    body = b"".join(strips)
    place = 8 + len(body) + 2 + 12 * len(tags) + 4
    entries, beyond = b"", b""
    for number, value in tags:
        words = value if isinstance(value, tuple) else (value,)
        packed = struct.pack(f"{order}{len(words)}I", *words)
        where = packed if len(words) == 1 else struct.pack(f"{order}I", place + len(beyond))
        beyond += packed if len(words) > 1 else b""
        entries += struct.pack(f"{order}HHI", number, 4, len(words)) + where
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8 + len(body))
    return start + body + struct.pack(f"{order}H", len(tags)) + entries + bytes(4) + beyond


def netpbm(rng, chance):
    white, bands = chance.choice((1, 7, 255, 256, 1000, 65535)), chance.choice((1, 3))
    values = rng.integers(0, white, (chance.randrange(1, MOST), chance.randrange(1, MOST), bands), endpoint=True)
    plain = chance.random() < 0.4
    letter = {1: ("5", "2"), 3: ("6", "3")}[bands][plain]
    head = f"P{letter}\n# made\n{values.shape[1]} {len(values)}\n{white}\n".encode()
    body = " ".join(map(str, values.ravel())).encode() + b"\n" if plain else values.astype(">u2" if white > 255 else "u1").tobytes()
    return "pgm" if bands == 1 else "ppm", head + body, values / white


WRITERS = {one.__name__: one for one in (png, png_of_16_bits, palette, jpeg, gif, bmp, webp, tiff, tiff_by_hand, netpbm)}
