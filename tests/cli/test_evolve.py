"""Commands of two networks and more: which words are models, and what is drawn and printed."""

import json

import click
import pytest

import convscope
from convscope.cli import main
from convscope.cli.evolve import _divided
from convscope.cli.methods import _first_and_rest

pytestmark = pytest.mark.once
LESION = "Lesion: without block2_conv1:3. The values of these units are 0 after their activation, whatever the image is."


def test_words_are_told_apart_and_patterns_are_in_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in (10, 2):
        (tmp_path / f"epoch-{number:02}.keras").touch()
    words = ["fashion", "epoch-*.keras", "block1_conv1:0", "block2_conv1"]
    assert _divided(tuple(words)) == (["fashion", "epoch-02.keras", "epoch-10.keras"], ["block1_conv1:0", "block2_conv1"])
    for words, missing in ((("block1_conv1:0",), "no checkpoint"), (("fashion",), "no unit"), (("no*.keras", "a:1"), "No file matches")):
        with pytest.raises(click.UsageError, match=missing):
            _divided(words)
    assert _first_and_rest(["fashion", "vgg16", "cat.jpg"], None) == ("fashion", ["vgg16", "cat.jpg"])
    assert _first_and_rest(["vgg16", "cat.jpg"], "fashion") == ("fashion", ["vgg16", "cat.jpg"])
    with pytest.raises(click.UsageError, match="Received one model"):
        _first_and_rest(["vgg16", "cat.jpg"], None)


@pytest.mark.long
def test_two_networks_are_compared_and_the_picture_is_made_again(tmp_path, capsys):
    target, images = tmp_path / "compare.png", "sample:fashion[0-9]"
    main(["compare", "fashion", "fashion", images, "--without", "block2_conv1:3", "--layers", "block2_*", "-o", str(target), "--json"])
    said = json.loads(capsys.readouterr().out)
    assert said["layers"] == ["block2_conv1", "block2_conv2", "block2_pool"] and "block2_conv1:3" in said["without_partner"]
    assert LESION in said["notes"]
    main(["replay", str(target)])
    assert "identical, byte for byte" in capsys.readouterr().out


def test_a_checkpoint_and_plain_weights_are_drawn_by_a_command(tmp_path, capsys):
    main(["evolve", "fashion", "block2_conv1:3", "--images", "sample:fashion[0-3]", "-o", str(tmp_path / "evolve.png"), "--json"])
    assert json.loads(capsys.readouterr().out)["units"][0]["jumps"] == []
    main(["weights", "block1_conv1", "-m", "fashion", "-o", str(tmp_path / "weights.png"), "--json", "--without", "block2_conv1:3"])
    said = json.loads(capsys.readouterr().out)
    assert said["kernel"] == [3, 3, 1] and len(said["units"]) == 32 and LESION in said["notes"]
    main(["replay", str(tmp_path / "weights.png")])
    assert "identical, byte for byte" in capsys.readouterr().out
    assert convscope.load("fashion").lesioned(()).without == ()
