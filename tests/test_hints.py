"""Commands that sentences recommend."""

import pickle

import pytest

from convscope import hints
from convscope.errors import ConvscopeError


def test_outside_a_shell_python_is_recommended():
    hints.remember(model=["-m", "x.h5"])
    assert hints.listing() == "convscope.layers(model)"
    assert hints.option("mode", "paper") == 'mode="paper"'


def test_in_a_shell_the_users_model_and_run_are_in_the_command():
    with hints.in_shell():
        assert hints.listing() == "convscope layers"
        assert hints.option("input_shape", "8 8") == "--input-shape '8 8'"
        hints.remember(model=["-m", "my model.h5"], run=["-r", "run"])
        assert hints.listing() == "convscope layers -m 'my model.h5'"
        assert hints.command("top a", "", run=True) == "convscope top a -r run"
    assert hints.listing() == "convscope.layers(model)"


def test_an_error_leaves_the_shell():
    with pytest.raises(ValueError, match="x"), hints.in_shell():
        raise ValueError("x")
    assert hints.listing() == "convscope.layers(model)"


@pytest.mark.parametrize(
    ("shell", "python"),
    [
        ("Choose a new folder with --out.", "Choose a new folder with `out`."),
        ("Add --input-shape 224,224,3, or another.", "Add `input_shape=(224,224,3)`, or another."),
        ("Use --engine processes:4.", 'Use `engine="processes:4"`.'),
        ("Leave out --weights none.", 'Leave out `weights="none"`.'),
        ("Set `--ties spread` or `--out`.", 'Set `ties="spread"` or `out`.'),
        ("Add --custom my.py if you trust it", 'Add `custom="my.py"` if you trust it'),
        ("`my--out.png` and `--out.png` are files; a -- b.", "`my--out.png` and `--out.png` are files; a -- b."),
    ],
)
def test_an_error_names_options_as_its_reader_writes_them(shell, python):
    error = ConvscopeError(shell)
    assert str(error) == python
    with hints.in_shell():
        assert str(error) == shell
    assert str(pickle.loads(pickle.dumps(error))) == python
