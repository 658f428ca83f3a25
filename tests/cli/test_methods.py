"""How a command's words are told apart: units first, then images."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from convscope.catalogue import METHODS
from convscope.cli import main
from convscope.cli.methods import _taken


@pytest.mark.parametrize(
    ("words", "units", "images"),
    [
        (["conv:1", "cat.jpg"], ["conv:1"], ["cat.jpg"]),
        (["conv:1", "conv:2-4", "a.png", "b.png"], ["conv:1", "conv:2-4"], ["a.png", "b.png"]),
        (["out:St. Bernard", "out:T-shirt/top", "sample:cat"], ["out:St. Bernard", "out:T-shirt/top"], ["sample:cat"]),
        (["base/conv:3@1,2", "photos/*.jpg"], ["base/conv:3@1,2"], ["photos/*.jpg"]),
        (["conv:0", "C:\\photos\\cat.jpg"], ["conv:0"], ["C:\\photos\\cat.jpg"]),
        (["conv:0", "set.npz[0-8]"], ["conv:0"], ["set.npz[0-8]"]),
    ],
)
def test_units_come_before_images(words, units, images):
    assert _taken(METHODS.get("deconv"), words) == [units, images]


@pytest.mark.parametrize(
    ("words", "files"),
    [
        (["ascend", "block1_conv1:3", "--steps", "1"], ["ascend-block1_conv1-3.png"]),
        (
            ["ascend", "block1_conv1:3,5", "--steps", "1"],
            [f"ascend-block1_conv1-3,5/{name}.png" for name in ("block1_conv1-3", "block1_conv1-5", "sheet")],
        ),
        (
            ["tsne", "sample:fashion[0-9]"],
            [f"tsne-sample-fashion-0-9/{name}" for name in ("grid.png", "map.parquet", "map.png", "reference.npz")],
        ),
    ],
)
def test_results_are_named_after_what_was_looked_at(tmp_path, monkeypatch, capsys, words, files):
    monkeypatch.chdir(tmp_path)
    main([*words, "-m", "fashion"])
    found = sorted(path.relative_to("convscope-out").as_posix() for path in Path("convscope-out").rglob("*.*") if path.suffix != ".json")
    assert found == files
    assert sorted(capsys.readouterr().out.split()) == [f"convscope-out/{name}" for name in files]


def test_json_says_what_was_found_and_written(tmp_path, capsys):
    main(["deconv", "block2_conv2:3", "sample:cat", "-m", "fashion", "-o", str(tmp_path / "a.png"), "--raw", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert {Path(path).name for path in found["written"]} == {"a.png", "a.json", "a.npz"}
    assert found["projections"][0]["unit"] == "block2_conv2:3"


def test_layers_as_json(capsys):
    main(["layers", "fashion", "--json"])
    found = {layer["address"]: layer for layer in json.loads(capsys.readouterr().out)["layers"]}
    assert found["block2_conv2"]["shape"] == [14, 14]
    assert found["block2_conv2"]["field"] == 14


@pytest.mark.long
def test_a_map_of_features_loads_no_network(tmp_path, capsys):
    features = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float16)
    np.save(tmp_path / "features.npy", features)
    script = "import sys; from convscope.cli import main; main(sys.argv[1:]); sys.exit('keras' in sys.modules)"
    words = ["tsne", str(tmp_path / "features.npy"), "-o", str(tmp_path / "map"), "--json"]
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["images"] == 60
    main(["replay", str(tmp_path / "map" / "map.png"), "--allow", str(tmp_path)])
    assert "identical" in capsys.readouterr().out


def test_a_map_is_written_as_a_page_too(tmp_path, capsys):
    main(["tsne", "sample:fashion[0-9]", "-m", "fashion", "-o", str(tmp_path / "map"), "--page"])
    captured = capsys.readouterr()
    assert str(tmp_path / "map" / "page" / "index.html") in captured.out.split()
    assert (tmp_path / "map" / "page" / "index.html").is_file()
    assert "knn@10" in captured.err
    with pytest.raises(SystemExit):
        main(["tsne", "sample:fashion[0-9]", "-m", "fashion", "-o", str(tmp_path / "map.png"), "--page"])
    assert "A page is a folder" in capsys.readouterr().err


def test_what_a_single_picture_leaves_out_is_said(tmp_path, capsys):
    np.save(tmp_path / "features.npy", np.random.default_rng(0).normal(size=(20, 5)).astype(np.float32))
    main(["tsne", str(tmp_path / "features.npy"), "-o", str(tmp_path / "x.png"), "--theme", "dark"])
    assert "folder with --out for grid.png and reference.npz" in capsys.readouterr().err
    main(["tsne", str(tmp_path / "features.npy"), "-o", str(tmp_path / "map"), "--page"])
    assert not {"earlier", "grid.png and"} & set(capsys.readouterr().err.split())
    main(["tsne", str(tmp_path / "features.npy"), "-o", str(tmp_path / "map")])
    assert "shows an earlier map" in capsys.readouterr().err


def test_a_map_is_refused_as_the_place_of_what_is_put_on_it(tmp_path, capsys):
    pytest.importorskip("openTSNE")
    np.save(tmp_path / "features.npy", np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32))
    main(["tsne", str(tmp_path / "features.npy"), "-o", str(tmp_path / "map")])
    for target in ("map", "map/new.png"):
        with pytest.raises(SystemExit):
            main(["tsne", str(tmp_path / "features.npy"), "--onto", str(tmp_path / "map"), "-o", str(tmp_path / target)])
        assert "holds the map that the images were placed on" in capsys.readouterr().err


def test_quietly_only_paths_and_errors_are_printed(tmp_path, capsys):
    words = ["deconv", "block2_conv2:3", "sample:cat", "-m", "fashion", "-o", str(tmp_path / "a.png")]
    main([*words, "-q"])
    captured = capsys.readouterr()
    assert (captured.out.split(), captured.err) == ([str(tmp_path / "a.png")], "")
    main(words)
    assert "Overwrote a.png" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["deconv", "block2_conv2:99", "sample:cat", "-m", "fashion", "-q"])
    assert capsys.readouterr().err.startswith("Error: ")
