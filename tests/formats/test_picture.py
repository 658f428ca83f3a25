"""Pictures with provenance, those of an older convscope among them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from convscope.errors import ReplayError
from convscope.formats.picture import SCHEMA, png, read_pixels, read_provenance, sidecar

pytestmark = pytest.mark.once
GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf", "json"])
def test_pictures_of_an_older_convscope_say_how_they_were_made(suffix: str) -> None:
    found = read_provenance(GOLDEN / f"picture.{suffix}")
    assert found["method"] == "deconv" and found["parameters"]["units"] == ["block3_conv1:5"]
    assert found["inputs"] == [{"count": 1, "digest": "f8c41833fab418c775c7127c8936bded", "given": ["sample:fashion[3]"]}]
    assert found["model"]["digest"] == "ee7fa3a76477e51233f0d7e0c2111891"
    assert (found["schema"], found["versions"]["convscope"]) == (1, "0.1.0")


def test_the_pixels_of_an_older_picture_are_its_own() -> None:
    pixels = read_pixels(GOLDEN / "picture.png")
    assert pixels.shape == (646, 1026, 3) and pixels.dtype == np.float32
    assert pixels.min() == 0.0 and pixels.max() == 1.0


def test_a_picture_is_read_as_it_was_written_whatever_later_entries_it_has(tmp_path: Path) -> None:
    text = json.dumps({"method": "tsne", "schema": SCHEMA, "later": [1], "name": "lone \udcff"}, ensure_ascii=False)
    (tmp_path / "a.png").write_bytes(png(Image.new("L", (3, 2), 51), text))
    (tmp_path / "a.json").write_bytes(sidecar(text))
    assert read_pixels(tmp_path / "a.png").tolist() == [[[np.float32(0.2)]] * 3] * 2
    for suffix in ("png", "json"):
        assert read_provenance(tmp_path / f"a.{suffix}") == json.loads(text)


def _foreign(path: Path) -> None:
    Image.new("RGB", (2, 2)).save(path, "PNG")


@pytest.mark.parametrize(
    ("name", "make", "words"),
    [
        ("foreign.png", _foreign, "has no provenance"),
        ("text.png", lambda path: path.write_text("hello"), "it is not a PNG"),
        ("missing.png", lambda path: None, "no such file"),
        ("missing.pdf", lambda path: None, "no such file"),
        ("foreign.svg", lambda path: path.write_text("<svg/>"), "has no provenance"),
        ("foreign.pdf", lambda path: path.write_bytes(b"%PDF-1.4 /convscope ("), "has no provenance"),
        ("broken.svg", lambda path: path.write_text('<metadata id="convscope">{</metadata>'), "not JSON"),
        ("broken.json", lambda path: path.write_text("{"), "not JSON"),
        ("list.json", lambda path: path.write_text("[]"), "which method"),
        ("binary.json", lambda path: path.write_bytes(b"\xff\xfe\x00"), "not text in UTF-8"),
        (
            "newer.json",
            lambda path: path.write_text('{"method": "tsne", "schema": 99}'),
            "newer convscope \\(schema 99\\).*Install a newer",
        ),
        (
            "dated.json",
            lambda path: path.write_text('{"method": "tsne", "schema": 2, "versions": {"convscope": "0.3.1"}}'),
            "Install convscope 0.3.1 or newer to read it",
        ),
        ("odd.json", lambda path: path.write_text('{"method": "tsne", "schema": "x"}'), "its schema x is not a whole number"),
    ],
)
def test_what_cannot_be_replayed_says_why(tmp_path: Path, name: str, make: Any, words: str) -> None:
    make(tmp_path / name)
    with pytest.raises(ReplayError, match=words):
        read_provenance(tmp_path / name)
