"""What convscope wrote can be made again from itself, byte for byte."""

import contextlib
import json

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

import convscope
from convscope.cli import main
from convscope.errors import ReplayError
from convscope.replaying import replay, same_bytes

COMMANDS = {
    "activations": ["activations", "block2_conv1", "sample:cat", "--most", "9", "--order", "index"],
    "deconv": ["deconv", "block2_conv2", "sample:fashion[1]", "--strongest", "2", "--no-switches", "--seed", "map"],
    "saliency": ["saliency", "predictions:Bag", "sample:fashion[0-1]", "--guided"],
    "ascend": ["ascend", "block1_conv1:3", "--steps", "4", "--seed", "7"],
    "rules": ["deconv", "block2_conv1:3", "sample:fashion[0]", "--rules", "lrp-epsilon-plus-flat"],
    "paper": ["ascend", "dense1:0-2", "--steps", "3", "--mode", "paper"],
    "tsne": ["tsne", "sample:fashion[0-199]", "--seed", "3"],
}


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=list(COMMANDS))
def test_a_written_picture_is_replayed_byte_for_byte(tmp_path, capsys, arguments):
    target = tmp_path / "picture.png"
    main([*arguments, "-m", "fashion", "-o", str(target)])
    main(["replay", str(target), "-o", str(tmp_path / "again.png")])
    assert "identical, byte for byte" in capsys.readouterr().out
    assert (tmp_path / "again.png").read_bytes() == target.read_bytes()


def test_rules_that_a_picture_records_by_their_earlier_name_are_read(tmp_path):
    """An earlier state recorded `ruleset`, beside the defaults of the options that it replaces."""
    made = convscope.deconv("fashion", "block2_conv1:3", "sample:fashion[0]", rules="guided")
    made.save(tmp_path / "picture.png")
    sidecar = tmp_path / "picture.json"
    recorded = json.loads(sidecar.read_text())
    assert (recorded["parameters"].pop("rules"), recorded["parameters"]["switches"]) == ("guided", None)
    recorded["parameters"] |= {"ruleset": "guided", "switches": "switches", "ties": "spread"}
    sidecar.write_text(json.dumps(recorded))
    assert np.array_equal(replay(sidecar).pixels, made.pixels)


def test_a_picture_that_differs_ends_with_exit_code_1(tmp_path, capsys):
    target = tmp_path / "picture.png"
    convscope.activations("fashion", "block1_conv1", "sample:cat").save(target)
    with Image.open(target) as picture:
        words = PngImagePlugin.PngInfo()
        words.add_text("convscope", picture.text["convscope"])
        Image.new("L", picture.size).save(target, pnginfo=words)
    with pytest.raises(SystemExit) as ended:
        main(["replay", str(target)])
    assert ended.value.code == 1
    assert "the bytes differ" in capsys.readouterr().err


@pytest.mark.long
def test_each_picture_of_a_folder_is_replayed(tmp_path):
    written = convscope.ascend("fashion", "block1_conv1:0-1", steps=2, size=16, precision="float32").save(tmp_path / "two")
    pictures = [path for path in written if path.suffix == ".png"]
    assert len(pictures) == 3
    assert all(same_bytes(replay(path), path) for path in pictures)


def test_the_sidecar_says_the_same_as_the_picture(tmp_path):
    target = tmp_path / "picture.png"
    convscope.activations("fashion", "block1_conv1", "sample:cat").save(target)
    with Image.open(target) as picture:
        inside = json.loads(picture.text["convscope"])
    assert inside == json.loads(target.with_suffix(".json").read_text())
    assert inside["model"]["digest"] == convscope.load("fashion").digest
    assert {"keras", "numpy"} <= set(inside["versions"])


def test_raw_writes_the_arrays(tmp_path):
    result = convscope.deconv("fashion", "block1_conv1:0", "sample:cat")
    result.save(tmp_path / "picture.png", raw=True)
    with np.load(tmp_path / "picture.npz") as arrays:
        assert np.array_equal(arrays["pixels"], result.pixels)


def test_a_changed_image_is_noticed(tmp_path):
    photo, target = tmp_path / "photo.png", tmp_path / "picture.png"
    Image.new("L", (28, 28), 90).save(photo)
    convscope.activations("fashion", "block1_conv1", photo).save(target)
    Image.new("L", (28, 28), 91).save(photo)
    with pytest.raises(ReplayError, match="have changed"):
        replay(target)


def test_a_changed_model_is_noticed(tmp_path):
    from convscope.backend import keras

    path, target = tmp_path / "model.keras", tmp_path / "picture.png"
    for seed in (1, 2):
        initial = keras.initializers.GlorotUniform(seed)
        keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3, name="conv", kernel_initializer=initial)]).save(path)
        if seed == 1:
            convscope.activations(path, "conv", np.zeros((8, 8), np.float32)).save(target)
    with pytest.raises(ReplayError, match="has changed"):
        replay(target)


def test_arrays_in_memory_cannot_be_replayed(tmp_path):
    target = tmp_path / "picture.png"
    convscope.activations("fashion", "block1_conv1", np.zeros((28, 28), np.float32)).save(target)
    with pytest.raises(ReplayError, match="arrays in memory"):
        replay(target)


def test_a_picture_names_no_code_that_runs(tmp_path):
    mark = tmp_path / "mark"
    (tmp_path / "evil.py").write_text(f"open({str(mark)!r}, 'w')")
    path = tmp_path / "picture.png"
    convscope.saliency("fashion", "predictions:1", "sample:fashion[0]").save(path)
    sidecar = path.with_suffix(".json")
    recorded = json.loads(sidecar.read_text())
    recorded["model"]["load"]["custom"] = [str(tmp_path / "evil.py")]
    sidecar.write_text(json.dumps(recorded))
    with pytest.raises(ReplayError, match="does not run code that a picture names"):
        replay(sidecar)
    assert not mark.exists()


@pytest.mark.parametrize("change", [{"load": None}, {"load": {"novel": 1}}, {"source": None}, {"weights": []}])
def test_a_picture_of_another_release_says_so(tmp_path, change):
    path = tmp_path / "picture.png"
    convscope.saliency("fashion", "predictions:1", "sample:fashion[0]").save(path)
    sidecar = path.with_suffix(".json")
    recorded = json.loads(sidecar.read_text())
    recorded["model"] |= change
    sidecar.write_text(json.dumps(recorded))
    with contextlib.suppress(ReplayError):
        replay(sidecar)
