import io
import re
import struct
import subprocess
import sys
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import records
from PIL import Image

from convscope.catalogue import DRAWINGS
from convscope.render import writer
from convscope.render.pdf import pdf
from convscope.render.sheet import LABEL, Sheet
from convscope.render.theme import LIGHT

pytestmark = pytest.mark.once


def streams(content: bytes) -> list[tuple[bytes, bytes]]:
    """Return the dictionary and the bytes of each stream."""
    ends = [match.end() for match in re.finditer(rb"\nstream\n", content)]
    starts = [0, *(content.index(b"\nendstream", end) for end in ends)]
    found = zip(pairwise(starts), ends, strict=True)
    return [(content[start : end - 8].rpartition(b" obj\n")[2], content[end:stop]) for (start, stop), end in found]


def picture(said: bytes, data: bytes) -> Any:
    """Return the pixels of a picture: its stream is that of a PNG."""

    def chunk(name: bytes, inside: bytes) -> bytes:
        return struct.pack(">I", len(inside)) + name + inside + struct.pack(">I", zlib.crc32(name + inside))

    def number(name: bytes) -> int:
        return int(re.search(rb"/%s (\d+)" % name, said)[1])

    palette = re.search(rb"/Indexed /DeviceRGB\s(\d+)\s\((.*)\)\s\]", said, re.DOTALL)
    head = struct.pack(">IIBBBBB", number(b"Width"), number(b"Height"), number(b"BitsPerComponent"), 3 if palette else 2, 0, 0, 0)
    colours = re.sub(rb"\\(.)", lambda one: {b"n": b"\n", b"r": b"\r"}.get(one[1], one[1]), palette[2], flags=re.DOTALL) if palette else b""
    parts = [chunk(b"IHDR", head), *([chunk(b"PLTE", colours)] if palette else []), chunk(b"IDAT", data), chunk(b"IEND", b"")]
    with Image.open(io.BytesIO(b"\x89PNG\r\n\x1a\n" + b"".join(parts))) as image:
        return np.asarray(image.convert("RGB"))


def pictures(content: bytes) -> list[Any]:
    return [picture(said, data) for said, data in streams(content) if b"/Image" in said]


def words(content: bytes) -> list[str]:
    """Return what is written on the page, line by line."""
    page = next(zlib.decompress(data) for said, data in streams(content) if b"/Type" not in said and b" Tf" in zlib.decompress(data))
    blocks = re.findall(rb"BT(.*?)ET", page, re.DOTALL)
    lines = [b"".join(re.findall(rb"\(((?:[^\\()]|\\.)*)\)", block)) for block in blocks]
    return [re.sub(rb"\\(.)", rb"\1", line).replace(b"\0", b"").decode("latin-1") for line in lines]


@pytest.mark.parametrize("make", [records.ascent, records.saliency, records.projections, records.top])
def test_words_are_text_and_pictures_are_in_it_to_the_pixel(make: Any) -> None:
    result = make()
    sheet = next(iter(DRAWINGS.get(result.provenance.method)(result).values()))
    content = writer.picture_bytes(result, suffix=".pdf")
    own = [mark.pixels for mark in sheet.marks() if hasattr(mark, "pixels")] if isinstance(sheet, Sheet) else [np.asarray(sheet)]
    found = pictures(content)
    assert all(any(one.shape == other.shape and (one == other).all() for other in found) for one in own)
    if isinstance(sheet, Sheet):
        plain = [line.text for line in sheet.words if line.text.isascii() and not re.search("f[fil]", line.text)]  # one letter there
        assert plain and set(plain) <= set(words(content))


def test_a_page_is_printed_at_300_dots_an_inch_in_an_embedded_font() -> None:
    sheet = Sheet(600, 450, LIGHT)
    sheet.text(0, 0, "hello", LABEL)
    content = pdf(sheet, {})
    assert re.search(rb"/MediaBox \[ 0 0 144 108 \]", content)
    assert b"/FontFile2" in content and re.search(rb"/BaseFont /[A-Z]{6}\+DejaVuSans", content)


def test_one_colour_and_many_come_back() -> None:
    rng = np.random.default_rng(0)
    for colours in (1, 2, 200, 256, 257):
        sheet = Sheet(40, 40, LIGHT)
        pixels = rng.integers(0, 256, (colours, 3), np.uint8)[rng.integers(0, colours, (40, 40))]
        sheet.paste(pixels, 0, 0)
        (found,) = pictures(pdf(sheet, {}))
        assert (found == pixels).all()


def test_another_process_writes_the_same_bytes(tmp_path: Path) -> None:
    result = records.projections()
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import records\nfrom convscope.render import writer\n"
        "sys.stdout.buffer.write(writer.picture_bytes(records.projections(), suffix='.pdf'))"
    )
    other = subprocess.run([sys.executable, "-c", script, Path(__file__).parent], capture_output=True, check=True)
    assert other.stdout == writer.picture_bytes(result, suffix=".pdf")
