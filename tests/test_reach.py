"""What a picture, a run or a list names is opened only where it lies, and where the user allows it."""

import contextlib
import json
import os
import shutil
import sys
import zipfile

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet as pq

import convscope
from buckets import encoded, tar
from convscope.backend import keras
from convscope.cli import main
from convscope.errors import ConvscopeError, OptionError, ReachError, ReplayError
from convscope.images import as_image_set
from convscope.models.inputs import as_inputs
from convscope.reach import allowing, is_within_reach, named_by, permit, user_path
from convscope.replaying import replay, same_bytes
from convscope.scanning.opening import _recorded_places

pytestmark = pytest.mark.once
OPENED = []


def watch(event, arguments):
    if event in ("open", "os.listdir", "os.scandir") and isinstance(arguments[0], str | os.PathLike):
        OPENED.append(os.fspath(arguments[0]))


@pytest.fixture(scope="module", autouse=True)
def watched():
    """Python keeps a hook for good, and each costs; so it comes when the first of these tests does."""
    sys.addaudithook(watch)


@contextlib.contextmanager
def nothing_opened_in(folder):
    """Fail if anything in a folder, or the folder itself, is opened while the `with` lasts."""
    OPENED.clear()
    yield
    found = [path for path in OPENED if isinstance(path, str) and os.path.realpath(path).startswith(str(folder.resolve()))]
    assert not found, found


def test_only_what_lies_in_the_folder_or_is_allowed_is_within_reach(tmp_path):
    inside, outside = tmp_path / "in", tmp_path / "out"
    for folder in (inside, outside):
        folder.mkdir()
        (folder / "a.txt").write_text("a")
    (inside / "link").symlink_to(outside / "a.txt")
    (inside / "folder").symlink_to(outside)
    assert is_within_reach(outside / "a.txt")
    with named_by("The picture", inside):
        assert is_within_reach(inside / "a.txt") and is_within_reach(inside / "missing") and is_within_reach(f"{inside}/b/../a.txt")
        assert is_within_reach("a\0b") is is_within_reach(f"{tmp_path}/out\0") is False and is_within_reach(f"{inside}/a\0b")
        beyond = (
            outside / "a.txt",
            inside / "link",
            inside / "folder" / "a.txt",
            inside / ".." / "out" / "a.txt",
            tmp_path,
            "/",
            "~/a.txt",
        )
        for path in (*beyond, f"{inside}x", "a.txt"):
            assert not is_within_reach(path), path
            with pytest.raises(ReachError, match="`allow="):
                user_path(path)
        with allowing(outside / "a.txt"):
            assert user_path(inside / "link") == inside / "link" and not is_within_reach(outside / "b.txt")
        with named_by("The run", outside):  # which the picture could name only because it was allowed
            assert is_within_reach(inside / "a.txt") and is_within_reach(outside / "a.txt") and not is_within_reach(tmp_path / "c")
    assert is_within_reach(outside)


def test_who_is_asked_is_asked_once_and_for_all(tmp_path):
    asked = []

    def yes(question):
        asked.append(question)
        return True

    paths = [tmp_path / f"{number}.png" for number in range(6)]
    with named_by("The picture `a.png`", tmp_path / "sent"), allowing((), yes):
        permit(paths)
        with allowing(tmp_path / "other"):
            permit(paths)
            permit([*paths, tmp_path / "more.png"])
        permit([tmp_path / "more.png"])
    assert len(asked) == 2
    assert "The picture `a.png` names 6 files or folders outside its folder" in asked[0] and "and 2 more" in asked[0]
    assert "more.png" in asked[1] and "0.png" not in asked[1]


@pytest.fixture(scope="module")
def sent(tmp_path_factory):
    """A picture that somebody sends, made from a photograph elsewhere."""
    folder = tmp_path_factory.mktemp("somebody")
    (folder / "photos").mkdir()
    Image.new("L", (28, 28), 90).save(folder / "photos" / "photo.png")
    convscope.activations("fashion", "block1_conv1", folder / "photos" / "photo.png").save(folder / "sent" / "picture.png")
    return folder


@pytest.fixture
def sidecar(sent, tmp_path):
    """A copy of it, to be changed."""
    shutil.copytree(sent / "sent", tmp_path / "sent")
    return tmp_path / "sent" / "picture.json"


def changed(path, change):
    recorded = json.loads(path.read_text())
    change(recorded)
    path.write_text(json.dumps(recorded))
    return path


def test_a_picture_opens_no_image_elsewhere_unless_it_is_allowed(sent, capsys):
    picture, photo = sent / "sent" / "picture.png", sent / "photos" / "photo.png"
    with nothing_opened_in(sent / "photos"), pytest.raises(SystemExit) as ended:
        main(["replay", str(picture)])
    said = capsys.readouterr().err
    assert ended.value.code == 2 and f"--allow {photo} " in said and "The picture `picture.png` names a file or folder outside" in said
    for allowed in (photo.parent, photo):
        assert same_bytes(replay(picture, allow=[allowed]), picture)
        main(["replay", str(picture), "--allow", str(allowed)])
        assert "identical" in capsys.readouterr().out


@pytest.mark.parametrize("answer", ["y", "n"])
def test_on_a_terminal_the_user_is_asked(sent, capsys, monkeypatch, answer):
    monkeypatch.setattr("convscope.cli.terminal.sys.stdin", TypedOnce(answer))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with contextlib.suppress(SystemExit):
        main(["replay", str(sent / "sent" / "picture.png")])
    told = capsys.readouterr()
    assert told.err.count("Open it? [y/N]") == 1 and str(sent / "photos" / "photo.png") in told.err
    assert ("identical" in told.out) is (answer == "y")


class TypedOnce:
    """Standard input of a terminal at which somebody typed one answer."""

    def __init__(self, answer):
        self._lines = [f"{answer}\n"]

    def isatty(self):
        return True

    def readline(self):
        return self._lines.pop()

    def fileno(self):
        raise OSError


NAMED = {
    "labels": lambda said, path: said["model"]["load"].update(labels=path),
    "model": lambda said, path: said["model"].update(source=path, weights="file"),
    "a model by another word": lambda said, path: said["model"].update(source=path),
    "architecture": lambda said, path: said["model"]["load"].update(architecture=f"{path}.json"),
    "images": lambda said, path: said["inputs"][0].update(given=[path]),
    "some of an archive": lambda said, path: said["inputs"][0].update(given=[f"{path}[0-3]"]),
    "a folder of the system": lambda said, path: said["inputs"][0].update(given=["/"]),
    "a pattern": lambda said, path: said["inputs"][0].update(given=[f"{path[:-4]}*"]),
    "start": lambda said, path: climbing(said, start=[path]),
    "real": lambda said, path: climbing(said, real=path),
    "spectrum": lambda said, path: climbing(said, image="maco", spectrum=path),
    "a direction": lambda said, path: climbing(said, units=[f"block1_conv1:{path}.npy"]),
    "run": lambda said, path: said.update(method="top", parameters={"units": ["block1_conv1:0"], "run": path}),
    "onto": lambda said, path: said.update(method="tsne", parameters={"onto": path}),
    "features": lambda said, path: said.update(method="tsne", model={}, parameters={}, inputs=[{"given": [f"{path}.npy"], "digest": ""}]),
}


def climbing(said, **parameters):
    said.update(method="ascend", inputs=[], parameters={"units": ["block1_conv1:0"], "steps": 1} | parameters)


@pytest.fixture
def secret(tmp_path):
    """A file outside, and others that are called like it."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for name in ("secret.txt", "secret.txt.json", "secret.png"):
        (folder / name).write_text("{}\n")
    np.save(folder / "secret.txt.npy", np.zeros(32))
    return folder / "secret.txt"


@pytest.mark.parametrize("change", NAMED.values(), ids=list(NAMED))
def test_no_path_in_a_picture_leads_out_of_its_folder(sidecar, secret, change):
    def clean(said):
        said["inputs"][0]["given"] = ["sample:cat"]
        change(said, str(secret))

    changed(sidecar, clean)
    with nothing_opened_in(secret.parent), pytest.raises(ReachError, match="outside its folder"):
        replay(sidecar)


def test_no_second_input_in_a_picture_leads_out_of_its_folder(tmp_path, secret):
    image, other = keras.Input((8, 8, 1), name="image"), keras.Input((32,), name="other")
    network = keras.Model([image, other], [keras.layers.Flatten()(image), other])
    assert as_inputs([f"other={secret}.npy"], network)[1]["other"].shape == (32,)
    with nothing_opened_in(secret.parent), named_by("The picture", tmp_path / "sent"), pytest.raises(ReachError):
        as_inputs([f"other={secret}.npy"], network)


def list_of(folder, path):
    (folder / "list.csv").write_text(f"path\n{path}\n")
    return folder / "list.csv"


def table_of(folder, path):
    pq.write_table(pa.table({"path": [str(path)]}), folder / "list.parquet")
    return folder / "list.parquet"


def link_to(folder, path):
    (folder / "link.png").symlink_to(path)
    return folder / "link.png"


def folder_of_links(folder, path):
    (folder / "photos").mkdir()
    (folder / "photos" / "a.png").symlink_to(path)
    return folder / "photos"


def linked_folder(folder, path):
    (folder / "photos").mkdir()
    (folder / "photos" / "inner").symlink_to(path.parent)
    return folder / "photos"


def pattern_through_a_link(folder, path):
    return linked_folder(folder, path) / "*" / "*.png"


def deep_pattern_through_a_link(folder, path):
    return linked_folder(folder, path) / "**" / "*.png"


def link_to_an_archive(folder, path):
    with zipfile.ZipFile(path.with_name("secret.zip"), "w") as archive:
        archive.write(path, "0.png")
    (folder / "photos.zip").symlink_to(path.with_name("secret.zip"))
    return folder / "photos.zip[0]"


@pytest.mark.parametrize(
    "make",
    [link_to_an_archive, list_of, table_of, link_to, folder_of_links, linked_folder, pattern_through_a_link, deep_pattern_through_a_link],
)
def test_what_lies_beside_a_picture_leads_nowhere_else(sidecar, secret, make):
    path = make(sidecar.parent, secret.with_suffix(".png"))
    changed(sidecar, lambda said: said["inputs"][0].update(given=[str(path)]))
    with nothing_opened_in(secret.parent), pytest.raises(ReachError, match=rf"outside its folder: `{secret.parent}"):
        replay(sidecar)


@pytest.mark.parametrize("given", ["own.png", "own", "own/*.png", "[a] own", "own.csv", "own.npz[0]"])
def test_what_lies_beside_a_picture_is_opened(tmp_path, given):
    folder = tmp_path / ("sent" if "*" in given else "[b] sent")
    folder.mkdir()
    pixels = np.full((28, 28), 90, np.uint8)
    for name in ("own.png", "own/a.png", "[a] own/a.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / name)
    (folder / "own.csv").write_text("path\nown.png\n")
    np.savez(folder / "own.npz", images=pixels[None])
    picture = convscope.activations("fashion", "block1_conv1", folder / given).save(folder / "picture.png")[0]
    assert same_bytes(replay(picture), picture)


def test_a_list_that_the_user_gives_names_anything(tmp_path, secret):
    photo = secret.with_name("photo.png")
    Image.new("L", (28, 28), 90).save(photo)
    path = list_of(tmp_path, photo)
    assert convscope.activations("fashion", "block1_conv1", path).image_names == (str(photo),)


def test_labels_are_recorded_by_name(tmp_path):
    (tmp_path / "names.txt").write_text("\n".join(f"name {number}" for number in range(10)))
    bundle = convscope.load("fashion", labels=tmp_path / "names.txt")
    assert bundle.given["labels"] == [f"name {number}" for number in range(10)]
    path = convscope.saliency(bundle, "predictions:name 3", "sample:fashion[0]").save(tmp_path / "sent" / "picture.png")[0]
    (tmp_path / "names.txt").unlink()
    assert same_bytes(replay(path), path)


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    """A model, photographs and a scan of them, in three folders; and a picture from the scan."""
    folder = tmp_path_factory.mktemp("scanned")
    (folder / "photos").mkdir()
    for number in range(3):
        Image.fromarray(np.full((8, 8), 40 * number, np.uint8)).save(folder / "photos" / f"{number}.png")
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3, name="conv", bias_initializer="ones")])
    (folder / "models").mkdir()
    model.save(folder / "models" / "model.keras")
    run = convscope.scan(folder / "models" / "model.keras", folder / "photos", out=folder / "run")
    convscope.top(None, "conv", run=run).save(folder / "sent" / "top.png")
    return folder


def test_a_run_that_the_user_names_opens_its_model_and_its_images(scanned, tmp_path):
    main(["top", "conv", "-r", str(scanned / "run"), "-o", str(tmp_path / "top.png")])
    assert (tmp_path / "top.png").exists()
    opened = convscope.open_run(scanned / "run")
    assert opened.load_model().digest == opened.model["digest"] and len(convscope.top(None, "conv", run=opened).patches) == 2
    assert convscope.open_run(scanned / "run", images=scanned / "photos").picture(0).shape == (8, 8, 1)


@pytest.mark.parametrize("pattern", ["photos/*/*.png", "photos/**/1.png", "set-{0..1}.tar", "photos/[0]"])
def test_a_run_that_the_user_names_opens_what_its_pattern_matches(tmp_path, pattern):
    (tmp_path / "photos" / "a").mkdir(parents=True)
    (tmp_path / "photos" / "a" / "1.png").write_bytes(encoded(1))
    for number in range(2):
        (tmp_path / f"set-{number}.tar").write_bytes(tar([("1.png", encoded(number))]))
    given = str(tmp_path / pattern)
    allowed = _recorded_places({"given": [given], "model": {"weights": "embedded"}})
    with named_by("The run `run`", tmp_path / "run"):
        with pytest.raises(ReachError):
            as_image_set(given)
        with allowing(allowed):
            assert len(as_image_set(given)) == (2 if "tar" in pattern else 1)


def test_nothing_comes_of_what_a_run_names_if_it_is_another_file(scanned, tmp_path):
    """Whoever made the run must have had the very file."""
    shutil.copytree(scanned, tmp_path / "copy")
    manifest = tmp_path / "copy" / "run" / "manifest.json"
    manifest.write_text(manifest.read_text().replace(str(scanned), str(tmp_path / "copy")))
    Image.fromarray(np.full((8, 8), 99, np.uint8)).save(tmp_path / "copy" / "photos" / "0.png")
    with pytest.raises(ConvscopeError):
        convscope.open_run(tmp_path / "copy" / "run").picture(0)


def test_a_list_in_a_run_leads_nowhere_else(scanned, tmp_path):
    """A run that came with a list of its own; the user gave only the run."""
    shutil.copytree(scanned / "photos", tmp_path / "mine")
    run = tmp_path / "run"
    run.mkdir()
    rows = "".join(f"{tmp_path}/mine/{number}.png\n" for number in range(3))
    (run / "list.csv").write_text("path\n" + rows)
    convscope.scan(scanned / "models" / "model.keras", run / "list.csv", out=run / "scan")
    with nothing_opened_in(tmp_path / "mine"), pytest.raises(ReachError, match="mine"):
        convscope.open_run(run / "scan").picture(0)
    assert convscope.open_run(run / "scan", allow=tmp_path / "mine").picture(0).shape == (8, 8, 1)


@pytest.mark.parametrize("name", ["manifest.json", "units.parquet", "features.npy", "sample.npy"])
def test_a_run_whose_files_are_links_leads_nowhere_else(scanned, tmp_path, name):
    shutil.copytree(scanned / "run", tmp_path / "run")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run" / name).rename(tmp_path / "elsewhere" / name)
    (tmp_path / "run" / name).symlink_to(tmp_path / "elsewhere" / name)
    with nothing_opened_in(tmp_path / "elsewhere"), pytest.raises(ReachError, match=f"outside its folder: `{tmp_path}/elsewhere/{name}"):
        convscope.open_run(tmp_path / "run")
    assert convscope.open_run(tmp_path / "run", allow=tmp_path / "elsewhere").complete


def test_a_map_of_a_run_shows_its_pictures(scanned, tmp_path):
    main(["tsne", str(scanned / "run"), "-o", str(tmp_path / "map")])
    assert (tmp_path / "map" / "map.png").exists()


def test_a_picture_of_a_run_opens_neither_the_run_nor_what_the_run_names(scanned):
    picture = scanned / "sent" / "top.png"
    with nothing_opened_in(scanned / "run"), pytest.raises(ReachError, match="run"):
        replay(picture)
    with nothing_opened_in(scanned / "photos"), pytest.raises(ReachError, match=r"The run .* names .*photos"):
        replay(picture, allow=[scanned / "run", scanned / "models"])
    assert same_bytes(replay(picture, allow=scanned), picture)
    assert same_bytes(replay(picture, allow=[scanned / "run", scanned / "photos"], model=scanned / "models" / "model.keras"), picture)


def test_a_model_that_lies_elsewhere_now_is_given_and_must_be_the_same(scanned, tmp_path, capsys):
    shutil.copy(scanned / "models" / "model.keras", tmp_path / "moved.keras")
    picture = convscope.saliency(scanned / "models" / "model.keras", "conv:0", "sample:cat").save(tmp_path / "sent" / "a.png")[0]
    main(["replay", str(picture), "-m", str(tmp_path / "moved.keras")])
    assert "identical" in capsys.readouterr().out
    with pytest.raises(ReplayError, match="has changed, or is a different one"):
        replay(picture, model="fashion")


@pytest.mark.parametrize(
    "parameters",
    [
        {"steps": 10**12},
        {"steps": True},
        {"steps": "many"},
        {"every": 1, "steps": 100_000, "size": 512},
        {"diversity": 10**9},
        {"diversity": 100, "size": 4096},
        {"seed": -1},
        {"seed": 2**70},
        {"size": [9]},
        {"size": 10**9},
        {"size": [True, True]},
        {"norm": "1", "mode": "paper"},
        {"norm": float("inf"), "mode": "paper"},
        {"units": 5},
        {"units": []},
        {"watch": 1},
        {"stop": 0},
        {"mode": []},
    ],
)
def test_a_picture_that_asks_for_the_impossible_is_refused_at_once(sidecar, parameters):
    changed(sidecar, lambda said: climbing(said, **{"steps": 1} | parameters))
    with pytest.raises((ReplayError, OptionError, ConvscopeError)):
        replay(sidecar)


@pytest.mark.skipif(os.name == "nt", reason="no such files there")
def test_a_pipe_is_not_a_picture(tmp_path):
    for name in ("pipe.png", "pipe.json"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(ReplayError, match="a pipe"):
            replay(tmp_path / name)
