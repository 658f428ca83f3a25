"""The page of a map as other programs read it, one of an older convscope among them."""

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import maps
from convscope.errors import PageError
from convscope.formats.imagemap import MANIFEST, SCHEMA, read_data, read_manifest
from convscope.render.imagemap import write_page

pytestmark = pytest.mark.once
GOLDEN = Path(__file__).parents[1] / "golden" / "map" / "page"


def test_the_page_of_an_older_convscope_is_read():
    found = read_data(GOLDEN)
    about, order = found["about"], np.argsort(found["ids"])
    assert about["schema"] == 1 and about["layer"] == "dense1" and about["quality"]["cpd"] == pytest.approx(0.897046)
    assert sorted(found["names"]) == sorted(f"fashion_test[{image}]" for image in range(12))
    assert found["places"][order].tolist()[:2] == [[28220, 21578], [0, 58252]]
    assert found["cells"][order].tolist()[:3] == [[2, 0], [0, 1], [0, 0]]
    assert [about["classes"][code]["name"] for code in found["classes"][order][:3]] == ["T-shirt/top", "Trouser", "Pullover"]
    assert found["neighbours"].shape == (12, 8) and found["means"].shape == (12, 1)
    page = Image.open(io.BytesIO(found["28-0000"]))
    assert page.size == (2044, 28) and np.asarray(page)[:, : 12 * 28].any()


def test_a_page_is_read_as_it_was_written(tmp_path):
    for place, mapped in enumerate((replace(maps.fashion_map(300), labels=None), maps.photo_map(30, backdrop=np.eye(2, dtype=np.float32)))):
        write_page(mapped, tmp_path / str(place))
        found = read_data(tmp_path / str(place))
        ids = found["ids"]
        assert found["names"] == [mapped.image_names[image] for image in ids]
        assert (found["cells"] == mapped.cells[ids]).all()
        assert (ids[found["neighbours"]] == mapped.neighbours[ids]).all()
        assert ("backdrop" in found) == (mapped.backdrop is not None)
        names = mapped.labels or mapped.predictions
        assert [found["about"]["classes"][code]["name"] for code in found["classes"]] == [names[image] for image in ids]


def changed(folder, **entries):
    shutil.copytree(GOLDEN, folder)
    path = folder / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | entries))
    return folder


def test_a_newer_page_is_refused_and_later_entries_are_passed_over(tmp_path):
    assert read_manifest(changed(tmp_path / "later", later=1))["images"] == 12
    said = {"versions": {"convscope": "0.4.0"}}
    with pytest.raises(PageError, match=r"newer convscope \(schema 2\).*up to schema 1. Install convscope 0.4.0 or newer"):
        read_manifest(changed(tmp_path / "newer", schema=SCHEMA + 1, provenance=said))


def test_a_damaged_page_is_one_sentence(tmp_path):
    with pytest.raises(PageError, match="data of the page in .* is damaged"):
        read_data(changed(tmp_path / "more", images=13))
    folder = changed(tmp_path / "less")
    (folder / "data" / "start.js").write_bytes(b"")
    with pytest.raises(PageError, match="data of the page in .* is damaged"):
        read_data(folder)
