"""Help has the options of a command first, and those of the model in a section of their own."""

import re

import click
import pytest

from convscope.cli.app import program
from convscope.cli.methods import told_options

pytestmark = pytest.mark.once


def sections(name):
    command = program.get_command(click.Context(program), name)
    text = command.get_help(click.Context(command, terminal_width=100))
    own, _, model = text.partition("Options:\n")[2].partition("Model options:\n")
    return [set(re.findall(r"^  (?:-\w, )?--([\w-]+)", part, re.MULTILINE)) for part in (own, model)]


@pytest.mark.parametrize("name", ["deconv", "scan", "layers", "top"])
def test_options_of_the_model_stand_apart(name):
    own, model = sections(name)
    assert {"model", "help"} <= own
    assert model == {"input" if option.name == "inputs" else option.name.replace("_", "-") for option in told_options()}
    assert not own & model


@pytest.mark.parametrize("name", ["replay", "view"])
def test_a_command_without_a_model_of_its_own_has_one_section(name):
    own, model = sections(name)
    assert "help" in own and not model
