"""Bad input ends in one clear sentence and exit code 2: received, expected, what to do next."""

import errno
import os
import zipfile

import h5py
import numpy as np
import pytest
from PIL import Image

from convscope.cli import main


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder of files that are not what their names say."""
    tmp_path = tmp_path_factory.mktemp("corpus")
    (tmp_path / "text.h5").write_text("not a model")
    (tmp_path / "empty.h5").write_bytes(b"")
    (tmp_path / "folder.h5").mkdir()
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file["kernel"] = np.zeros((100, 100))
    whole = (tmp_path / "weights.h5").read_bytes()
    (tmp_path / "truncated.h5").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "no.keras").write_bytes(b"PK nonsense")
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        archive.writestr("a.txt", "b")
    with zipfile.ZipFile(tmp_path / "hollow.keras", "w") as archive:
        for name in ("config.json", "model.weights.h5", "metadata.json"):
            archive.writestr(name, "{}")
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "words.jpg").write_bytes(b"no picture")
    Image.new("1", (11_000, 11_000)).save(tmp_path / "bomb.png")
    (tmp_path / "nothing").mkdir()
    np.save(tmp_path / "five.npy", np.zeros((2, 28, 28, 5), np.float32))
    np.save(tmp_path / "loud.npy", np.full((28, 28), 300.0))
    np.savez(tmp_path / "flat.npz", a=np.zeros(3))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "flat.npz").read_bytes()[:-30])
    for name in ("no.zip", "no.tar.gz", "no.parquet"):
        (tmp_path / name).write_bytes(b"nonsense")
    with zipfile.ZipFile(tmp_path / "words.zip", "w") as archive:
        archive.writestr("a.txt", "b")
    with zipfile.ZipFile(tmp_path / "damaged.zip", "w") as archive:
        archive.writestr("a.png", "b")
    (tmp_path / "empty.csv").write_text("path,label\n")
    (tmp_path / "lost.csv").write_text("path,label\nlost.png,cat\n")
    (tmp_path / "hole.csv").write_text("path,label\nwords.jpg,cat\n,cat\n")
    (tmp_path / "bytes.csv").write_bytes(b"words.jpg\n\xff\xff\n")
    return tmp_path


@pytest.fixture
def corpus(files, monkeypatch):
    """The same as the working folder, in which no file is written."""
    monkeypatch.chdir(files)
    before = {path for path in files.rglob("*") if path.is_file()}
    yield files
    assert {path for path in files.rglob("*") if path.is_file()} == before


def fashion(*words):
    return [*words, "-m", "fashion"]


CASES = {
    "no store": (["scan", "foo://bucket/x", "-m", "fashion"], "`foo://` is not a store that convscope reads"),
    "a key in a URI": (["deconv", "block1_conv1:0", "s3://AKIA:secret@bucket/x.png", "-m", "fashion"], "the URI holds credentials"),
    "a run in a store": (
        ["scan", "sample:cat", "-m", "fashion", "-o", "s3://bucket/run"],
        "`s3://bucket/run`: it lies in a store",
    ),
    "a picture in a store": (
        ["deconv", "block1_conv1:0", "sample:cat", "-m", "fashion", "-o", "gs://b/x.png"],
        "Cannot write `gs://b/x.png`",
    ),
    "a model in no store": (["layers", "ftp://host/x.keras"], "`ftp://` is not a store that convscope reads"),
    "missing file": (["layers", "missing.h5"], "No file `missing.h5`"),
    "text file": (["layers", "text.h5"], "neither an HDF5 file nor a .keras archive: it starts with 'not a model'"),
    "empty file": (["layers", "empty.h5"], "is empty"),
    "folder": (["layers", "folder.h5"], "is a folder"),
    "truncated": (["layers", "truncated.h5"], "truncated"),
    "weights only": (["layers", "weights.h5"], "neither a model nor the weights"),
    "no zip": (["layers", "no.keras"], "damaged .keras archive"),
    "another zip": (["layers", "other.keras"], "without config.json"),
    "hollow zip": (["layers", "hollow.keras"], "damaged or truncated HDF5"),
    "near name": (["layers", "resnet5"], "Closest of the names: ResNet50"),
    "other suffix": (["layers", "words.jpg"], "Expected a Keras model"),
    "no recipe": (["layers", "fashion", "--preprocess", "caffe"], "three channels"),
    "unknown layer": (fashion("ascend", "block9_conv1:0"), "Closest of its layers: block"),
    "unknown channel": (fashion("ascend", "block1_conv1:99"), "0 to 31; received channel 99"),
    "bare layer": (fashion("ascend", "block1_conv1"), "`block1_conv1:0` to `block1_conv1:31`"),
    "near class": (fashion("ascend", "predictions:Snaeker"), "Closest of its classes: Sneaker"),
    "class name elsewhere": (fashion("ascend", "block1_conv1:Sneaker"), "not a channel of `block1_conv1`. It has the channels 0 to 31."),
    "unit for a layer": (fashion("activations", "block1_conv1:5", "sample:cat"), "Expected the layer alone: `block1_conv1`"),
    "the user's own model": (fashion("ascend", "blok:0"), "List them with: convscope layers -m fashion"),
    "and what was told of it": (fashion("ascend", "blok:0", "--preprocess", "1 /2"), "convscope layers -m fashion --preprocess '1 /2'"),
    "the default model of classes": (["saliency", "predictions:espreso", "sample:cat"], "Closest of its classes: espresso"),
    "long number": (fashion("ascend", f"block1_conv1:{'9' * 5000}"), "not a channel or a range"),
    "digits of another script": (fashion("ascend", "block1_conv1:٣"), "It has the channels 0 to 31"),
    "long blanks": (fashion("ascend", f"block1_conv1:1{' ' * 50_000}x"), "not a channel of `block1_conv1`"),
    "long pattern": (["scan", "sample:cat", "-m", "fashion", "--layers", "[" * 50_000], "does not name a layer"),
    "underscore": (fashion("ascend", "block1_conv1:0", "--steps", "1_000"), "`1_000` is not a whole number"),
    "nan": (fashion("tsne", "sample:fashion", "--perplexity", "nan"), "`nan` is not a number such as"),
    "digits of another script as a shape": (["layers", "fashion", "--input-shape", "٣,3,3"], "is not a shape"),
    "preprocessing of nothing": (fashion("layers", "--preprocess", "127/1e-320"), "leaves nothing of an image"),
    "misspelled model": (["layers", "hollwo.keras"], "The closest names there: hollow.keras"),
    "model in no folder": (["layers", "absent/x.h5"], "there is no folder `absent`"),
    "an option as the shell writes it": (fashion("ascend", "block1_conv1:0", "--norm", "3"), "and --mode paper"),
    "empty model": (["layers", "-m", ""], "Word 3 of the command is empty"),
    "blank image": (fashion("deconv", "block1_conv1:0", " "), "Word 3 of the command is empty"),
    "nothing behind =": (["layers", "--model="], "`--model` has no value"),
    "port": (["view", "nothing", "--port", "70000"], "70000 is outside 0 to 65535"),
    "image in no folder": (fashion("deconv", "block1_conv1:0", "absent/words.jpg"), "There is no folder `absent`"),
    "misspelled image": (fashion("deconv", "block1_conv1:0", "wrods.jpg"), "The closest names there: words.jpg"),
    "bad range": (fashion("ascend", "block1_conv1:1-"), "not a channel or a range"),
    "backward range": (fashion("ascend", "block1_conv1:5-1"), "Write 1-5"),
    "position of dense": (fashion("ascend", "dense1:0@1,1"), "no rows and columns"),
    "fixed size": (fashion("ascend", "dense1:0", "--size", "64"), "28 x 28"),
    "position outside": (fashion("deconv", "block1_conv1:0@99,0", "sample:cat"), "28 rows and 28 columns"),
    "no image": (fashion("deconv", "block1_conv1:0"), "No image. Expected"),
    "missing image": (fashion("deconv", "block1_conv1:0", "absent.jpg"), "No file or folder `absent.jpg`"),
    "empty image": (fashion("deconv", "block1_conv1:0", "empty.jpg"), "is an empty file"),
    "unreadable image": (fashion("deconv", "block1_conv1:0", "words.jpg"), "not a readable image"),
    "image bomb": (fashion("deconv", "block1_conv1:0", "bomb.png"), "11000 x 11000"),
    "empty folder": (fashion("deconv", "block1_conv1:0", "nothing"), "holds no images"),
    "wrong channels": (fashion("deconv", "block1_conv1:0", "five.npy"), "has 5 channels, but the network takes 1"),
    "values out of range": (fashion("deconv", "block1_conv1:0", "loud.npy"), "from 300 to 300"),
    "cut array": (fashion("deconv", "block1_conv1:0", "cut.npz"), "not a readable NumPy file"),
    "no zip of pictures": (fashion("deconv", "block1_conv1:0", "no.zip"), "not a readable zip archive"),
    "no tar": (fashion("deconv", "block1_conv1:0", "no.tar.gz"), "not a readable tar archive"),
    "zip without pictures": (fashion("deconv", "block1_conv1:0", "words.zip"), "The archive `words.zip` holds no images"),
    "zip of damaged pictures": (fashion("deconv", "block1_conv1:0", "damaged.zip"), "None of the 1 images could be read"),
    "no parquet": (fashion("deconv", "block1_conv1:0", "no.parquet"), "not a readable Parquet file"),
    "empty list": (fashion("deconv", "block1_conv1:0", "empty.csv"), "has no rows"),
    "list of lost pictures": (fashion("deconv", "block1_conv1:0", "lost.csv"), "Row 2 of `lost.csv` names `lost.png`"),
    "row without path": (fashion("deconv", "block1_conv1:0", "hole.csv"), "Row 3 of `hole.csv` does not name an image"),
    "list of bytes": (fashion("deconv", "block1_conv1:0", "bytes.csv"), "cannot be read after line 0"),
    "range of an archive": (fashion("deconv", "block1_conv1:0", "damaged.zip[3]"), "outside the 1 images there"),
    "no image array": (fashion("deconv", "block1_conv1:0", "flat.npz"), "has no array of images"),
    "no such sample": (fashion("deconv", "block1_conv1:0", "sample:dog"), "Choose one of alps, astronaut"),
    "nothing matches": (fashion("deconv", "block1_conv1:0", "*.gif"), "No file matches"),
    "too few images": (fashion("tsne", "sample:cat"), "at least 3 images; received 1"),
    "perplexity": (fashion("tsne", "sample:fashion", "--perplexity", "5000"), "15001 images; received 2000"),
    "unknown command": (["tsen"], "Closest of the commands: tsne"),
    "no provenance": (["replay", "bomb.png"], "no provenance"),
    "replay of nothing": (["replay", "absent.png"], "Cannot read `absent.png`"),
    "unknown architecture": (["fetch", "vgg99"], "Closest of its architectures: VGG"),
    "labels missing": (["layers", "fashion", "--labels", "absent.txt"], "Could not read labels"),
    "other picture format": (fashion("activations", "block1_conv1", "sample:cat", "-o", "a.jpg"), "Try: a.png"),
    "file for folder": (fashion("activations", "block1_conv1", "sample:cat", "-o", "text.h5/a.png"), "a file stands where a folder"),
    "unwritable folder": (fashion("activations", "block1_conv1", "sample:cat", "-o", "/proc/none/a.png"), "Cannot write"),
}


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(("arguments", "said"), CASES.values(), ids=list(CASES))
def test_bad_input_is_one_clear_sentence(corpus, capsys, arguments, said):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert said in printed.err
    assert "Traceback" not in printed.err
    assert printed.out == ""


def test_a_full_disk_leaves_what_was_there(tmp_path, capsys, monkeypatch):
    target = tmp_path / "maps.png"
    arguments = fashion("activations", "block1_conv1", "sample:cat", "-o", str(target))
    main_ended(arguments, 0)
    before = target.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    main_ended(arguments, 2)
    assert "disk is full" in capsys.readouterr().err
    assert target.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["maps.json", "maps.png"]


def test_a_read_only_folder_is_noticed_before_computing(tmp_path, capsys, monkeypatch):
    def refused(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("convscope.files._write_new", refused)
    monkeypatch.setattr("convscope.models.as_bundle", lambda *_, **__: pytest.fail("the model was loaded"))
    main_ended(fashion("ascend", "block1_conv1:0", "-o", str(tmp_path / "a.png")), 2)
    assert "permission denied" in capsys.readouterr().err.lower()


@pytest.mark.parametrize("words", [("--theme", "2"), ("--layer", "x")], ids=["a value", "an option"])
def test_quiet_leaves_errors(capsys, words):
    main_ended(fashion("deconv", "-q", "block1_conv1:0", "sample:cat", *words), 2)
    assert "Error: " in capsys.readouterr().err


@pytest.mark.parametrize("words", [("deconv", "block1_conv1:0"), ("scan",), ("atlas",), ("look",)], ids=lambda words: words[0])
def test_a_missing_image_is_noticed_before_the_network_is_loaded(capsys, monkeypatch, words):
    monkeypatch.setattr("convscope.models.as_bundle", lambda *_, **__: pytest.fail("the model was loaded"))
    main_ended(fashion(*words, "absent.jpg"), 2)
    assert "No file or folder `absent.jpg`" in capsys.readouterr().err


def main_ended(arguments, code):
    try:
        main(arguments)
    except SystemExit as ended:
        assert (ended.code or 0) == code
    else:
        assert code == 0
