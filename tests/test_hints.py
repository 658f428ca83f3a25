"""Commands that sentences recommend."""

import pytest

from convscope import hints


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
