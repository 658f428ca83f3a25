import base64
import dataclasses
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

import maps
from convscope import files
from convscope.errors import OutputError
from convscope.files import new_folder
from convscope.formats.picture import read_provenance
from convscope.render.imagemap import write_page
from convscope.render.imagemap.page import SCRIPT as MAP_SCRIPT

SCRIPT = re.compile(r'map\.take\("([a-z0-9-]+)","([A-Za-z0-9+/=]*)"\);\n')


def read(path):
    """Return what a script hands to the page, by name; it must hold nothing else."""
    text = path.read_text("ascii")
    assert SCRIPT.sub("", text) == ""
    return {name: base64.b64decode(content) for name, content in SCRIPT.findall(text)}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    embedding = maps.fashion_map(1200)
    return embedding, folder, write_page(embedding, folder)


def test_what_is_written_is_what_is_returned(written):
    _, folder, paths = written
    assert paths[0] == folder / "index.html"
    assert sorted(paths) == sorted(path for path in folder.rglob("*") if path.is_file())


def test_the_scripts_hold_the_record(written):
    embedding, folder, _ = written
    start, later = read(folder / "data" / "start.js"), read(folder / "data" / "later.js")
    about = json.loads(start["about"])
    ids = np.frombuffer(later["ids"], "<u4")
    assert sorted(ids) == list(range(1200))
    places = np.frombuffer(start["places"], "<u2").reshape(-1, 2) / 65535
    points = embedding.points[ids] * (1, -1)
    span = np.ptp(points, axis=0).max()
    assert np.abs((points - (points.min(axis=0) + points.max(axis=0)) / 2) / span + 0.5 - places).max() < 1e-5
    assert np.array_equal(np.frombuffer(later["cells"], "<u2").reshape(-1, 2), embedding.cells[ids])
    classes = [one["name"] for one in about["classes"]]
    assert [classes[code] for code in start["classes"]] == [embedding.labels[index] for index in ids]
    assert [classes[code] for code in later["predictions"]] == [embedding.predictions[index] for index in ids]
    assert np.abs(np.frombuffer(later["probabilities"], "<u2") / 65535 - embedding.probabilities[ids]).max() < 1e-5
    assert json.loads(read(folder / "data" / "names-0000.js")["names-0000"]) == [embedding.image_names[index] for index in ids]
    near = np.frombuffer(read(folder / "data" / "neighbours-0000.js")["neighbours-0000"], "<u4").reshape(-1, 8)
    assert np.array_equal(ids[near], embedding.neighbours[ids])
    assert about["kind"] == "bright" and about["quality"]["knn@10"] == 0.4783
    assert sum(one["labelled"] for one in about["classes"]) == 1200


def test_the_pages_hold_the_thumbnails_in_the_order_of_the_curve(written):
    embedding, folder, _ = written
    ids = np.frombuffer(read(folder / "data" / "later.js")["ids"], "<u4")
    picture = np.asarray(Image.open(io.BytesIO(read(folder / "data" / "28-0000.js")["28-0000"])))
    for rank, index in enumerate(ids):
        row, column = divmod(rank, 73)
        assert np.array_equal(picture[row * 28 :, column * 28 :][:28, :28], embedding.thumbnails[index, ..., 0])
    means = np.frombuffer(read(folder / "data" / "start.js")["means"], np.uint8)
    assert np.abs(means - embedding.thumbnails[ids].mean(axis=(1, 2, 3))).max() <= 1.5
    assert np.abs(np.diff(embedding.points[ids], axis=0)).mean() < 0.1 * np.abs(np.diff(embedding.points, axis=0)).mean()


def test_the_first_picture_of_sixty_thousand_takes_less_than_a_megabyte(tmp_path):
    count = 60_000
    rng = np.random.default_rng(0)
    thumbnails = np.broadcast_to(rng.integers(0, 256, (1, 16, 16, 3)).astype(np.uint8), (count, 16, 16, 3))
    points = rng.normal(size=(count, 2)).astype(np.float32)
    labels = tuple(f"class {index % 1000}" for index in range(count))
    neighbours = rng.integers(0, count, (count, 8)).astype(np.int32)
    (tmp_path / "map.png").write_bytes(b"")
    write_page(maps.embedding(thumbnails, points, points, labels, neighbours=neighbours), tmp_path)
    first = ("index.html", "site/tokens.css", "site/kit.css", "site/kit.js", "site/map.css", "site/map.js", "data/start.js")
    assert sum((tmp_path / name).stat().st_size for name in first) < 1_000_000


def test_the_viewer_is_small_and_asks_for_nothing_elsewhere(written):
    script = MAP_SCRIPT.sent.decode()
    texts = [script, *(path.read_text("utf-8") for path in written[2] if path.suffix in (".html", ".css"))]
    for text in texts:
        assert not re.search(r"https?://|@import|url\(|fetch\(|XMLHttpRequest|WebSocket|innerHTML|outerHTML|document\.write|eval\(", text)
    assert "default-src 'none'" in texts[1] and "unsafe" not in texts[1]


def test_the_manifest_says_what_is_there(written):
    _, folder, _ = written
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert manifest["schema"] == 1 and manifest["kind"] == "imagemap" and manifest["images"] == 1200
    pages = [f"{level['side']}-{page:04d}.js" for level in manifest["levels"] for page in range(level["pages"])]
    assert all((folder / manifest["data"] / name).is_file() for name in pages)


def test_hostile_names_are_base64_and_nothing_of_them_is_markup(tmp_path):
    names = (*maps.HOSTILE, *("x",) * 50)
    labels = tuple(maps.HOSTILE[index % len(maps.HOSTILE)] for index in range(60))
    paths = write_page(maps.marked_map(60, side=8, names=names, labels=labels), tmp_path)
    for path in paths:
        if path.parent.name == "data" and path.suffix == ".js":
            read(path)
    assert all(b"hacked" not in path.read_bytes() for path in paths)
    ids = np.frombuffer(read(tmp_path / "data" / "later.js")["ids"], "<u4")
    found = json.loads(read(tmp_path / "data" / "names-0000.js")["names-0000"])
    assert found[ids.tolist().index(0)] == maps.HOSTILE[0]
    assert "\ufffd" in found[ids.tolist().index(3)]  # lone surrogates


def test_a_title_from_the_record_is_escaped(tmp_path):
    write_page(maps.marked_map(60, side=8, notes=("<script>alert(1)</script>",)), tmp_path)
    assert "<script>alert" not in (tmp_path / "index.html").read_text("utf-8")


def test_pictures_that_are_there_are_shown_without_javascript(tmp_path):
    embedding = maps.marked_map(60, side=8)
    write_page(embedding, tmp_path)
    page = (tmp_path / "index.html").read_text("utf-8")
    assert re.findall(r'<img src="([^"]*)"', page) == ["data/map.png"]  # drawn, since none was there
    assert read_provenance(tmp_path / "data" / "map.png")["method"] == "tsne"
    (tmp_path / "grid.png").write_bytes(b"")
    write_page(embedding, tmp_path)
    page = (tmp_path / "index.html").read_text("utf-8")
    assert (
        re.findall(r'<img src="([^"]*)"', page) == ["grid.png"]
        and not (tmp_path / "data" / "map.png").exists()
        and page.index("<noscript>") < page.index("<img")
    )


def test_pictures_around_the_page_come_with_it(tmp_path):
    (tmp_path / "map.png").write_bytes(b"picture")
    paths = write_page(maps.marked_map(60, side=8), tmp_path / "page")
    assert tmp_path / "page" / "map.png" in paths and (tmp_path / "page" / "map.png").read_bytes() == b"picture"
    assert 'src="map.png"' in (tmp_path / "page" / "index.html").read_text("utf-8")


def test_few_and_strange_points(tmp_path):
    for count in (1, 2, 9):
        points = np.full((count, 2), np.nan, np.float32)
        points[0] = (1, 2)
        embedding = maps.embedding(np.zeros((count, 8, 8, 1), np.uint8), points, np.zeros((count, 3)), None)
        write_page(embedding, tmp_path)
        places = np.frombuffer(read(tmp_path / "data" / "start.js")["places"], "<u2")
        assert len(places) == 2 * count and set(places) == {32768}


def test_writing_again_leaves_nothing_old(tmp_path):
    write_page(maps.fashion_map(1000), tmp_path)
    paths = write_page(maps.marked_map(60, side=16), tmp_path)
    assert sorted(paths) == sorted(path for path in tmp_path.rglob("*") if path.is_file())


def test_a_page_that_could_not_be_finished_leaves_the_old_one(tmp_path, monkeypatch):
    old = {path: path.read_bytes() for path in write_page(maps.marked_map(60, side=16), tmp_path)}
    taken = []

    def broken(contents):
        taken.append(contents)
        if len(taken) > 2:
            raise KeyboardInterrupt
        return files.write_files(contents)

    monkeypatch.setattr("convscope.render.imagemap.page.write_files", broken)
    with pytest.raises(KeyboardInterrupt):
        write_page(maps.fashion_map(1000), tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == old


def test_a_data_folder_of_the_users_own_is_never_replaced(tmp_path):
    (tmp_path / "data").mkdir()
    write_page(maps.grey_map(9), tmp_path)  # empty: nothing is lost
    for name in ("mine", "linked"):
        (tmp_path / name / "data").mkdir(parents=True)
        (tmp_path / name / "data" / "labels.csv").write_text("mine")
    (tmp_path / "linked" / "data" / "start.js").write_text("app.start()")
    for name in ("mine", "linked"):
        before = sorted((tmp_path / name).rglob("*"))
        with pytest.raises(OutputError, match=r"data` already exists and is not part of a page.*Expected.*save_page\('page'\)"):
            write_page(maps.grey_map(9), tmp_path / name)
        assert sorted((tmp_path / name).rglob("*")) == before


def test_a_file_called_data_is_refused_and_nothing_is_left_behind(tmp_path):
    (tmp_path / "data").write_text("mine")
    with pytest.raises(OutputError, match="a file stands where a folder is expected"):
        write_page(maps.grey_map(9), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["data"] and (tmp_path / "data").read_text() == "mine"


def test_a_link_to_a_folder_stays_a_link(tmp_path):
    (tmp_path / "large disk").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "large disk")
    write_page(maps.grey_map(9), tmp_path)
    assert (tmp_path / "data").is_symlink() and (tmp_path / "large disk" / "start.js").is_file()
    assert not list(tmp_path.glob(".convscope*"))


def test_the_map_on_which_images_were_placed_shares_their_scale(tmp_path):
    below = np.array([[-10, -10], [10, 10], [0, 0]], np.float32)
    embedding = maps.grey_map(9, backdrop=below)
    write_page(embedding, tmp_path)
    later = read(tmp_path / "data" / "later.js")
    assert np.frombuffer(later["backdrop"], "<u2").reshape(-1, 2).tolist() == [[0, 65535], [65535, 0], [32768, 32768]]
    places = np.frombuffer(read(tmp_path / "data" / "start.js")["places"], "<u2").reshape(-1, 2) / 65535
    assert np.abs(places - (embedding.points[np.frombuffer(later["ids"], "<u4")] * (1, -1) / 20 + 0.5)).max() < 1e-4


def test_the_version_that_the_page_asks_for_changes_with_the_map_alone(tmp_path):
    found = []
    for number, seed in enumerate((0, 0, 1)):
        write_page(maps.marked_map(60, side=8, seed=seed), tmp_path / str(number))
        text = (tmp_path / str(number) / "index.html").read_text("utf-8")
        found.append(re.findall(r"site/map\.js\?([0-9a-f]{12})", text))
    assert found[0] == found[1] != found[2] and len(found[2]) == 1


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="a file stands where a folder is expected"), new_folder(tmp_path / "file" / "data"):
        pass


def test_the_scripts_of_an_older_page_go_and_files_of_the_users_own_stay(tmp_path):
    (tmp_path / "viewer").mkdir()
    for name in ("style.css", "viewer.js", "notes.txt"):
        (tmp_path / "viewer" / name).write_text("x")
    write_page(maps.grey_map(9), tmp_path)
    assert [path.name for path in (tmp_path / "viewer").iterdir()] == ["notes.txt"]
    (tmp_path / "viewer" / "notes.txt").unlink()
    write_page(maps.grey_map(9), tmp_path)
    assert not (tmp_path / "viewer").exists()


def test_a_page_of_an_atlas_names_its_images_by_their_ids_and_no_folder_of_the_machine(tmp_path):
    embedding = maps.grey_map(9)
    secret = dataclasses.replace(embedding.provenance, parameters={"run": str(tmp_path / "private" / "run"), "seed": 0})
    embedding, ids = dataclasses.replace(embedding, provenance=secret), np.arange(9) * 5 + 2
    write_page(embedding, tmp_path, atlas="../index.html", side=16, ids=ids)
    start, later = read(tmp_path / "data" / "start.js"), read(tmp_path / "data" / "later.js")
    order = np.frombuffer(later["ids"], "<u4")
    assert sorted(order) == ids.tolist()
    names = json.loads(read(tmp_path / "data" / "names-0000.js")["names-0000"])
    assert names == [embedding.image_names[(number - 2) // 5] for number in order]
    about = json.loads(start["about"])
    assert about["atlas"] == "../index.html" and about["levels"][-1]["side"] == 16
    assert about["provenance"]["parameters"] == {"run": "run", "seed": 0}
    assert all(str(tmp_path).encode() not in path.read_bytes() for path in tmp_path.rglob("*.js*"))
