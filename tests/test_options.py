"""Options: a function's signature is read as the form, and every value is judged in one place."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest

from convscope.errors import OptionError
from convscope.options import RUN, Opt, Options, Theme, check_options, options_of

pytestmark = pytest.mark.once


def climb(
    model: Any,
    units: Any,
    *,
    run: Annotated[Path | Any, Opt("A run.", short="-r", names=RUN)],
    steps: Annotated[int | None, Opt("How many steps.", least=1, most=1_000, shown="until it stands")] = None,
    size: Annotated[int | tuple[int, int] | None, Opt("How large.")] = None,
    scale: Annotated[float, Opt("How far.", above=0)] = 1.0,
    way: Annotated[bool | str, Opt("Which way.", choices=("up", "down"), aliases=((True, "up"),))] = "up",
    fast: Annotated[bool, Opt("Be quick.")] = False,
    rounds: Annotated[int, Opt("How often.", choices=(0, 3, 9))] = 9,
    stop: Annotated[int | None, Opt("End.", recorded=False)] = None,
    theme: Theme = "light",
    watch: Any = None,
) -> Options:
    return check_options(climb, locals())


FORM = {option.name: option for option in options_of(climb)}


def test_a_form_holds_the_annotated_parameters_alone():
    assert list(FORM) == ["run", "steps", "size", "scale", "way", "fast", "rounds", "stop", "theme"]
    assert [FORM[name].type for name in ("run", "steps", "size", "scale", "way", "fast")] == [Path, int, int, float, str, bool]
    assert [name for name, option in FORM.items() if option.required] == ["run"]
    assert [name for name, option in FORM.items() if option.optional] == ["steps", "size", "stop"]
    assert [name for name, option in FORM.items() if option.open] == ["run", "size"]


def test_the_help_tells_the_default_and_the_range():
    assert FORM["steps"].told == "How many steps.  [default: until it stands; from 1 to 1,000]"
    assert FORM["scale"].told == "How far.  [default: 1.0; above 0]"
    assert FORM["fast"].told == "Be quick."


def test_values_become_plain_and_are_recorded_once():
    options = climb(None, "a:0", run="run/", steps=np.int64(7), size=(3, 4), scale=np.float32(0.5), way=True, fast=np.bool_(True), stop=3)
    assert type(options.steps) is int and type(options.scale) is float and options.fast is True
    assert options.recorded() == {
        "run": "run/",
        "steps": 7,
        "size": (3, 4),
        "scale": 0.5,
        "way": "up",
        "fast": True,
        "rounds": 9,
        "theme": "light",
    }
    assert options.but(steps=9).steps == 9 and options.steps == 7


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("steps", 0, "`steps` is 0. Expected a whole number from 1 to 1,000, or leave it out."),
        ("steps", 1.5, "`steps` is 1.5. Expected a whole number from 1 to 1,000, or leave it out."),
        ("steps", True, "`steps` is True."),
        ("steps", "many", "`steps` is 'many'."),
        ("steps", 10**400, "`steps` is a number of 1,329 bits."),
        ("size", 2.5, "`size` is 2.5. Expected a whole number, or leave it out."),
        ("scale", 0, "`scale` is 0. Expected a number above 0."),
        ("scale", float("nan"), "`scale` is nan."),
        ("scale", 10**400, "`scale` is a number of 1,329 bits."),
        ("scale", None, "`scale` is None. Expected a number above 0."),
        ("way", "left", "No way `left`. Choose one of up, down."),
        ("way", [1], "No way `[1]`."),
        ("fast", "yes", "`fast` is 'yes'. Expected True or False."),
        ("rounds", 4, "`rounds` is 4. Expected one of 0, 3, 9."),
        ("rounds", False, "`rounds` is False. Expected one of 0, 3, 9."),
        ("theme", "pink", "No theme `pink`. Choose one of light, dark."),
    ],
)
def test_a_value_that_does_not_fit_is_told_in_one_sentence(name, value, words):
    with pytest.raises(OptionError) as caught:
        climb(None, "a:0", **{"run": "run/", name: value})
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize(("name", "text", "value"), [("steps", "12", 12), ("scale", ".5", 0.5), ("way", "down", "down")])
def test_a_text_is_read_and_judged_alike(name, text, value):
    assert FORM[name].read(text) == value
    with pytest.raises(OptionError, match=name):
        FORM[name].read("x")


def test_an_unknown_name_names_what_is_near():
    with pytest.raises(OptionError, match="No option `step`. Closest of the options: steps"):
        check_options(climb, {"step": 3})
