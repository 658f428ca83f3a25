import base64
import io
import json
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest
import records
from PIL import Image

from convscope.catalogue import DRAWINGS
from convscope.formats.picture import svg_entry
from convscope.render import writer
from convscope.render.sheet import LABEL, Sheet
from convscope.render.svg import svg
from convscope.render.theme import DARK, LIGHT

pytestmark = pytest.mark.once
NAMESPACE = "{http://www.w3.org/2000/svg}"


def parsed(content: bytes) -> tuple[Any, list[str], dict[str, Any]]:
    """Return the root, the texts and the pictures by their name."""
    root = ET.fromstring(content)
    pictures = {}
    for one in root.iter(f"{NAMESPACE}image"):
        with Image.open(io.BytesIO(base64.b64decode(one.attrib["href"].partition("base64,")[2]))) as image:
            pictures["#" + one.attrib["id"]] = np.asarray(image)
    return root, [one.text or "" for one in root.iter(f"{NAMESPACE}text")], pictures


@pytest.mark.parametrize("make", [records.ascent, records.projections, records.saliency, records.top, records.activations, records.dossier])
def test_words_are_text_and_pictures_are_on_the_sheet_to_the_pixel(make: Any) -> None:
    result = make()
    sheet = next(iter(DRAWINGS.get(result.provenance.method)(result).values()))
    root, texts, pictures = parsed(writer.picture_bytes(result, suffix=".svg"))
    if isinstance(sheet, Sheet):
        assert texts == [words.text for words in sheet.words]
        own = [mark.pixels for mark in sheet.marks() if hasattr(mark, "pixels")]
    else:
        own = [np.asarray(sheet)]
    used = [pictures[one.attrib["href"]] for one in root.iter(f"{NAMESPACE}use")]
    assert len(used) == len(own) and all((one == other).all() for one, other in zip(used, own, strict=True))


def test_a_page_is_printed_at_300_dots_an_inch_and_says_how_it_was_made() -> None:
    result = records.projections()
    content = writer.picture_bytes(result, suffix=".svg")
    root, _, _ = parsed(content)
    width = int(root.attrib["viewBox"].split()[2])
    assert float(root.attrib["width"].removesuffix("in")) == pytest.approx(width / 300, abs=1e-4)
    assert json.loads(root.find(f"{NAMESPACE}metadata").text) == json.loads(result.provenance.as_json(picture="deconv.png"))


def test_a_picture_that_is_shown_twice_is_in_the_file_once() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 10, 3), np.uint8)
    sheet = Sheet(100, 80, DARK)
    for left in (0, 40):
        sheet.paste(pixels.copy(), left, 0, (30, 36))
    root, _, pictures = parsed(svg(sheet, svg_entry("{}")))
    assert len(pictures) == 1 and len(list(root.iter(f"{NAMESPACE}use"))) == 2
    assert root.find(f"{NAMESPACE}rect").attrib["fill"] == "#11141a"


def test_words_of_strangers_are_no_markup() -> None:
    sheet = Sheet(100, 80, LIGHT, "<title>&")
    hostile = "</text><script>alert(1)</script>\0\x1b &amp; 猫 \udce9"
    sheet.text(0, 0, hostile, LABEL)
    root, texts, _ = parsed(svg(sheet, svg_entry(json.dumps({"name": "</metadata><script>"}))))
    assert not list(root.iter(f"{NAMESPACE}script"))
    assert texts == ["</text><script>alert(1)</script>\ufffd\ufffd &amp; 猫 \ufffd"]
