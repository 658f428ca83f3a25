"""Terms with a minus are told from options."""

import json

import pytest

from convscope.cli import main
from convscope.cli.terms import is_term

LETTERS = {"m", "o", "h"}


@pytest.mark.once
@pytest.mark.parametrize(
    "word",
    [
        "-1*layer:5",
        "-.5*layer:5",
        "-2 * base/conv:0-3",
        "-1e-3*mixed4:5",
        "-odds(predictions:281)",
        "-block4_conv2:17",
        "-block4_conv2:17 + block4_conv2:20",
        "-predictions:tabby",
        "-layer:vector.npy",
        "-mixed4:5",
        "-mixed4:5@1,2",
        "-mixed4:tabby - other:2",
        "- block4_conv2:17",
    ],
)
def test_a_term_with_a_minus_is_an_argument(word):
    assert is_term(word, LETTERS)


@pytest.mark.once
@pytest.mark.parametrize(
    "word",
    ["", "-", "--", "-m", "-1", "-h", "-x", "-mfashion", "-mC:\\models\\a.h5", "-om:odd/folder", "--steps", "--a:3", "layer:5", "cat.jpg"],
)
def test_everything_else_is_left_to_click(word):
    assert not is_term(word, LETTERS)


def test_an_expression_may_begin_with_a_minus(tmp_path):
    words = ["--steps", "2", "--size", "28", "-m", "fashion", "-o", str(tmp_path / "a.png")]
    main(["ascend", "-1*block1_conv1:5", *words])
    main(["ascend", "--steps", "2", "-m", "fashion", "--size", "28", "-o", str(tmp_path / "b.png"), "--", "-1*block1_conv1:5"])
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    main(["ascend", "-block1_conv1:5 + 0.5*block1_conv1:7", *words])
    recorded = json.loads((tmp_path / "a.json").read_text())
    assert recorded["parameters"]["units"] == ["-block1_conv1:5 + 0.5*block1_conv1:7"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ascend", "-1"], "No such option"),
        (["ascend", "--layer:5"], "No such option"),
        (["ascend", "-x", "block1_conv1:5"], "No such option"),
        (["ascend", "block1_conv1:5", "-m"], "requires an argument"),
        (["ascend", "block1_conv1:5", "-m", "-1*odd:5"], "No model file `-1*odd:5`"),
        (["ascend", "-block9:5", "-m", "fashion"], "No layer `block9`"),
        (["deconv", "-block1_conv1:5", "sample:cat", "-m", "fashion"], "No layer `-block1_conv1`"),
    ],
)
def test_unknown_options_are_still_unknown(words, said, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2 and said in capsys.readouterr().err
