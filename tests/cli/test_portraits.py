"""`convscope top` and `convscope dossier` in the shell."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

import convscope
from convscope.cli import main


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("shell") / "run"
    return convscope.scan("fashion", "sample:fashion[0-59]", out=out, layers=["block1_conv1", "dense1"], precision="float32")


def ended(*arguments):
    with pytest.raises(SystemExit) as end:
        main([str(one) for one in arguments])
    return end.value.code


def test_a_sheet_needs_no_model_and_is_replayed_to_the_byte(run, tmp_path, capsys):
    target = tmp_path / "sheet.png"
    main(["top", "block1_conv1:0-3", "-r", str(run.path), "--no-switches", "--theme", "dark", "-o", str(target), "--raw"])
    assert capsys.readouterr().out.strip().splitlines()[0] == str(target)
    with np.load(target.with_suffix(".npz")) as arrays:
        assert arrays["channels"].tolist() == [0, 1, 2, 3] and arrays["pixels"].shape == (4, 9, 3, 3, 1)
    with Image.open(target) as picture:
        assert picture.convert("RGB").getpixel((2, 2)) == (17, 20, 26)
    main(["replay", str(target), "--allow", str(run.path)])
    assert "identical, byte for byte" in capsys.readouterr().out


@pytest.mark.long
def test_pictures_are_named_after_layer_and_units(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    main(["top", "block1_conv1:3,17", "-r", str(run.path)])
    main(["dossier", "dense1:1", "-r", str(run.path), "--steps", "2"])
    assert capsys.readouterr().out.split() == [
        "convscope-out/top-block1_conv1-3,17.png",
        "convscope-out/dossier-dense1-1/dossier.png",
        "convscope-out/dossier-dense1-1/dossier.html",
    ]


@pytest.mark.long
def test_a_whole_layer_is_pages_and_an_index(run, tmp_path, capsys):
    main(["top", "block1_conv1", "-r", str(run.path), "-o", str(tmp_path / "pages"), "--json"])
    found = json.loads(capsys.readouterr().out)
    names = ["block1_conv1-00-15", "block1_conv1-16-31"]
    assert sorted(path.name for path in (tmp_path / "pages").iterdir()) == sorted(
        ["index.html", "parts", *(f"{name}.{kind}" for name in names for kind in ("png", "json"))]
    )
    assert found["written"][-1] == str(tmp_path / "pages" / "index.html") and found["interrupted"] is False
    assert [unit["unit"] for page in found["pages"] for unit in page["units"]] == [f"block1_conv1:{channel}" for channel in range(32)]
    assert len(list((tmp_path / "pages" / "parts").glob("*.webp"))) == 32  # a unit each
    index = (tmp_path / "pages" / "index.html").read_text()
    assert all(f'href="./{name}.png"' in index for name in names)
    main(["replay", str(tmp_path / "pages" / "block1_conv1-16-31.png"), "--allow", str(run.path)])
    assert "identical" in capsys.readouterr().out


@pytest.mark.long
def test_several_dossiers_and_an_index_that_opens_them(run, tmp_path, capsys):
    main(["dossier", "block1_conv1:1-2", "-r", str(run.path), "--steps", "2", "-o", str(tmp_path / "two")])
    out = capsys.readouterr().out.split()
    assert out == [str(tmp_path / "two" / name) for name in ("block1_conv1-1.png", "block1_conv1-2.png", "index.html")]
    index = (tmp_path / "two" / "index.html").read_text()
    assert 'href="./block1_conv1-1.html"' in index and 'src="./block1_conv1-1.png"' in index
    assert "<svg" in (tmp_path / "two" / "block1_conv1-2.html").read_text()
    main(["replay", str(tmp_path / "two" / "block1_conv1-2.png"), "--allow", str(run.path)])
    assert "identical" in capsys.readouterr().out


def test_a_run_may_stand_where_a_model_can(run, tmp_path):
    for words in (["-r", str(run.path)], ["-m", str(run.path)]):
        main(["top", "block1_conv1:0", *words, "-o", str(tmp_path / f"{words[0]}.png")])
    assert (tmp_path / "-r.png").read_bytes() == (tmp_path / "-m.png").read_bytes()


def test_many_pictures_are_refused_one_file(run, tmp_path, capsys):
    assert ended("top", "block1_conv1", "-r", run.path, "-o", tmp_path / "one.png") == 2
    assert "makes 2 pictures" in capsys.readouterr().err and not (tmp_path / "one.png").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["top", "block1_conv1"], "convscope top block1_conv1 -r RUN. Scan images first: convscope scan IMAGES --out RUN"),
        (
            ["dossier", "dense1:1", "-m", "fashion"],
            "convscope dossier dense1:1 -r RUN. Scan images first: convscope scan IMAGES --out RUN -m",
        ),
        (["top", "block1_conv1", "-m", "RUN", "--preprocess", "caffe"], "A run records how its network is loaded"),
        (["top", "block1_conv1", "-r", "nowhere"], "is not a run"),
        (["top", "block9_conv1", "-r", "RUN"], "`block9_conv1` was not measured"),
        (["top", "block1_conv1:40", "-r", "RUN"], "received channel 40"),
        (["top", "block1_conv1", "-r", "RUN", "-m", "vgg16"], "is not the model of the run"),
        (["top", "block1_conv1", "-r", "RUN", "--preprocess", "caffe"], "--preprocess has no effect without --model"),
        (
            ["top", "block1_conv1", "-r", "RUN", "--filters", "3"],
            "Expected it in the address of the units: convscope top block1_conv1:3 -r",
        ),
        (["dossier", "dense1:500", "-r", "RUN"], "received channel 500"),
        (["dossier", "dense1:1", "-r", "NEWER"], "written by a newer convscope (schema 3.0)"),
    ],
)
def test_bad_input_ends_in_one_sentence(run, tmp_path, capsys, arguments, said):
    newer = tmp_path / "newer"
    newer.mkdir()
    (newer / "manifest.json").write_text(json.dumps(run.manifest | {"schema": "3.0"}))
    places = {"RUN": str(run.path), "NEWER": str(newer)}
    assert ended(*(places.get(one, one) for one in arguments)) == 2
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error


def test_a_run_that_was_added_to_is_noticed_by_replay(tmp_path, capsys):
    run, target = tmp_path / "run", tmp_path / "sheet.png"
    convscope.scan("fashion", "sample:fashion[0-9]", out=run, layers="block1_conv1", precision="float32")
    main(["top", "block1_conv1:1", "-r", str(run), "-o", str(target)])
    shutil.rmtree(run)
    convscope.scan("fashion", "sample:fashion[0-10]", out=run, layers="block1_conv1", precision="float32")
    assert ended("replay", target) == 2
    assert "have changed" in capsys.readouterr().err
