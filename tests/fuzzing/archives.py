"""Zip and tar archives of small pictures, damaged or built to lead astray: what is read is a picture that was packed."""

import bz2
import gzip
import io
import lzma
import random
import struct
import tarfile
import zipfile

import numpy as np
from PIL import Image

from convscope.errors import ConvscopeError
from convscope.images import Fit, as_batch, as_image_set
from damaging import damaged

from .running import unsound

SHORT = 40
SIDE = 6
PACKINGS = {
    ".zip": bytes,
    ".tar": bytes,
    ".tar.gz": gzip.compress,
    ".tgz": gzip.compress,
    ".tar.xz": lzma.compress,
    ".tar.bz2": bz2.compress,
}
NAMES = (
    "{}.png", "{}.png", "a/{}.png", "a/b/{}.PNG", "../{}.png", "/etc/{}.png", "..\\{}.png", "C:\\{}.png", "\x1b[2J{}.png", "\u202e{}.png",
    "{}.jpg", "é{}.png", "", ".png", "a//{}.png", "./{}.png", "`{}`.png", "{}\n.png",
)  # fmt: skip
LINKS = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE, tarfile.GNUTYPE_SPARSE, b"Z")
LISTS = {"list.csv": b"path,label\n../0.png,x\n", "set.zip": b"PK\5\6" + bytes(18), "x.npy": b"\x93NUMPY", ".hidden.png": b"x"}


def attempt(number, folder):
    """Pack pictures of one grey each, damage the archive, list it, and read what is in it."""
    rng = random.Random(number)
    greys = rng.sample(range(256), rng.randrange(1, 6))
    suffix = rng.choice((".zip", ".zip", *PACKINGS))
    members = [(name(rng, place), png(grey)) for place, grey in enumerate(greys)] + rng.sample(sorted(LISTS.items()), rng.randrange(3))
    data = zipped(members, rng) if suffix == ".zip" else tarred(members, rng)
    inside = suffix != ".zip" and rng.random() < 0.5
    whole = PACKINGS[suffix](data)
    changed = PACKINGS[suffix](damaged(data, rng)) if inside else damaged(whole, rng)
    path = folder / f"set{suffix}"
    path.write_bytes(changed)
    images = as_image_set(path)
    for source in images.sources:
        assert source.name.isprintable() and ".." not in source.name.split("/") and not source.name.startswith("/"), repr(source.name)
    words = {said(source) for source in images.sources}
    others = words - {f"grey {grey}" for grey in greys} - {"refused"}
    # Only a zip has checksums of its own: of a damaged tar a picture may still be one, and another.
    assert not others or (suffix != ".zip" and changed != whole), f"read {others}, packed {sorted(greys)}"
    batch = as_batch(path, Fit(1, (SIDE, SIDE)))
    assert len(batch.pixels) + sum(said(source) == "refused" for source in images.sources) == len(images)
    assert not any(map(unsound, batch.notes)), batch.notes
    return "read" if "refused" not in words else "read in part"


def said(source):
    """Return which grey a member is, or that it is refused."""
    try:
        values = np.unique(np.round(source.read()[0] * 255).astype(int))
    except ConvscopeError as error:
        assert not unsound(str(error)), unsound(str(error))
        return "refused"
    return f"grey {values[0]}" if len(values) == 1 else "several greys"


def png(grey):
    file = io.BytesIO()
    Image.new("L", (SIDE, SIDE), grey).save(file, "PNG")
    return file.getvalue()


def name(rng, place):
    if rng.random() < 0.03:
        return f"{'n' * 5000}{place}.png"
    return rng.choice(NAMES).format(place)


def zipped(members, rng):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2))) as archive:
        for called, data in members:
            entry = zipfile.ZipInfo("unnamed.png")
            entry.filename = called  # past what ZipInfo makes of it
            entry.compress_type = archive.compression
            entry.external_attr = rng.choice((0, 0, 0, 0o100644, 0o120777, 0o040755)) << 16
            archive.writestr(entry, data)
    data = file.getvalue()
    end = data.rindex(b"PK\5\6")
    match rng.choice(("", "", "", "disks", "count", "offset", "zero", "zip64")):
        case "disks":
            data = data[: end + 4] + struct.pack("<HH", rng.randrange(4), rng.randrange(4)) + data[end + 8 :]
        case "count":
            data = data[: end + 8] + struct.pack("<HH", rng.randrange(65536), rng.randrange(65536)) + data[end + 12 :]
        case "offset":
            data = data[: end + 12] + struct.pack("<II", rng.getrandbits(32), rng.getrandbits(32)) + data[end + 20 :]
        case "zero":
            data = data.replace(b".png", b"\0png")
        case "zip64":
            locator = b"PK\6\7" + struct.pack("<IQI", rng.randrange(3), rng.choice((0, end, 2**63)), rng.randrange(3))
            data = data[:end] + locator + data[end:]
    return data


def tarred(members, rng):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=rng.choice((tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT))) as archive:
        for called, data in members:
            entry = tarfile.TarInfo(called if archive.format != tarfile.USTAR_FORMAT else called[:90])
            entry.size = len(data)
            if rng.random() < 0.15:
                entry.type, entry.linkname = rng.choice(LINKS), rng.choice(("/etc/passwd", "../x", called[:99]))
                entry.size = rng.choice((0, len(data)))
            archive.addfile(entry, io.BytesIO(data) if entry.isreg() and entry.size else None)
    return file.getvalue()
