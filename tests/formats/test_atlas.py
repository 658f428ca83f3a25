"""The folder of an atlas as other programs read it, one of an older convscope among them."""

import base64
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from convscope.errors import PageError
from convscope.formats.atlas import MANIFEST, SCHEMA, Part, is_atlas, is_whole, manifest, read_data, read_manifest

pytestmark = pytest.mark.once
GOLDEN = Path(__file__).parents[1] / "golden" / "atlas"


def numbers(column):
    return np.frombuffer(base64.b64decode(column["data"]), f"<{column['type']}").tolist()


def test_the_atlas_of_an_older_convscope_is_read():
    found = read_manifest(GOLDEN)
    assert is_atlas(GOLDEN) and (found["schema"], found["convscope"]) == (1, "0.1.0")
    assert [(one["address"], one["units"]) for one in found["layers"]] == [("first", 20), ("search", 17), ("classes", 3)]
    part = found["parts"]["detail-0-0"]
    assert is_whole(GOLDEN, part) and [*part.files] == ["data/detail-0-0.js"]
    assert len(found["parts"]["synthetic-0-0"].facts["scores"]) == 16
    start, units, detail = (read_data(GOLDEN, name) for name in ("start", "units-0", "detail-0-0"))
    assert start["schema"] == 1 and [layer["n"] for layer in start["layers"]] == [one["n"] for one in found["layers"]]
    assert numbers(units["order"]) == found["layers"][0]["order"]
    assert [one["channel"] for one in detail["units"]] == numbers(units["order"])[:16]


def test_what_was_written_is_read(tmp_path):
    facts = {"layers": [{"address": "a", "order": [1, 0]}], "model": {"digest": "d"}, "run": {"first": "f"}, "versions": {"convscope": "9"}}
    (tmp_path / MANIFEST).write_bytes(manifest(facts, {"x": Part("key", {"data/x.js": "0"}, {"scores": [float("nan"), 1.5]})}))
    found = read_manifest(tmp_path)
    assert found["layers"] == facts["layers"]
    assert found["parts"] == {"x": Part("key", {"data/x.js": "0"}, {"scores": [None, 1.5]})}
    assert not is_whole(tmp_path, found["parts"]["x"])


def changed(folder, **entries):
    shutil.copytree(GOLDEN, folder)
    path = folder / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | entries))
    return folder


def test_a_newer_atlas_is_refused_and_later_entries_are_passed_over(tmp_path):
    assert read_manifest(changed(tmp_path / "later", later=1))["later"] == 1
    with pytest.raises(PageError, match=r"newer convscope \(schema 2\).*up to schema 1. Install convscope 0.4.0 or newer"):
        read_manifest(changed(tmp_path / "newer", schema=SCHEMA + 1, versions={"convscope": "0.4.0"}))


@pytest.mark.parametrize("entries", [{"parts": 3}, {"parts": {"x": {}}}, {"layers": [{}]}, {"layers": None}, {"model": {}}, {"run": []}])
def test_a_damaged_manifest_is_one_sentence(tmp_path, entries):
    with pytest.raises(PageError, match=r"The manifest of the atlas in .* is damaged"):
        read_manifest(changed(tmp_path / "a", **entries))


def test_what_is_not_an_atlas_is_said(tmp_path):
    with pytest.raises(PageError, match=r"is not an atlas.*convscope.atlas\(model, images\)"):
        read_manifest(tmp_path)
    with pytest.raises(PageError, match=r"another kind \(`imagemap`\)"):
        read_manifest(changed(tmp_path / "map", kind="imagemap"))
    assert not is_atlas(tmp_path)


def test_damaged_data_is_one_sentence(tmp_path):
    folder = changed(tmp_path / "a")
    for content in (b"", b"kit.take(", b'kit.take("start",{);\n', b'kit.take("other",{});\n'):
        (folder / "data" / "start.js").write_bytes(content)
        with pytest.raises(PageError, match="is not data of an atlas"):
            read_data(folder, "start")
