"""The demo's table: every part is a command that parses, under a name of its own. `make demo` runs it whole."""

import shlex
from pathlib import Path

import click
import pytest

import convscope
from convscope import demo
from convscope.cli.app import program
from convscope.demo import CHAPTERS, Chapter, Part
from convscope.errors import OptionError

PARTS = [part for chapter in CHAPTERS for part in chapter.parts]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.caption)
def test_every_part_says_the_command_that_makes_it(part):
    name, *arguments = shlex.split(demo.command(part))[1:]
    command = program.get_command(click.Context(program), name)
    given = command.make_context(name, arguments).params
    assert given["model"] == part.model
    assert {option: given[option] for option in part.options} == part.options
    assert given.get("run") == (Path(f"convscope-demo/scan-{part.model}") if part.scanned else None)


def test_it_covers_all_methods_and_file_names_are_unique():
    assert {part.method for part in PARTS} == {"activations", "deconv", "saliency", "ascend", "tsne", "top", "dossier"}
    assert len({part.file(number) for number, part in enumerate(PARTS)}) == len(PARTS)


def test_it_writes_pictures_and_a_page_and_keeps_them_when_interrupted(tmp_path, monkeypatch):
    parts = (
        Part("activations", "fashion", ("block1_conv1", ["sample:cat"]), "maps"),
        Part("ascend", "fashion", (["block1_conv1:0"],), "never made"),
    )
    monkeypatch.setattr(demo, "CHAPTERS", (Chapter("One", "words", parts),))
    made = demo._made

    def interrupted(part, *rest):
        if part.method == "ascend":
            raise KeyboardInterrupt
        return made(part, *rest)

    monkeypatch.setattr(demo, "_made", interrupted)
    with pytest.raises(KeyboardInterrupt):
        demo.run(tmp_path, lambda text: None)
    assert (tmp_path / "01-activations-block1_conv1.png").exists()
    assert "01-activations-block1_conv1.png" in (tmp_path / "index.html").read_text()


@pytest.mark.long
def test_what_a_part_looks_at_is_scanned_once_and_again_where_another_network_was(tmp_path):
    part = Part("top", "fashion", (["dense1:1-2"],), "nine", {}, "sample:fashion[0-9]")
    told, models = [], {"fashion": convscope.load("fashion")}
    first = demo._made(part, models, tmp_path, told.append)
    assert (first.dataset, first.images) == ("sample:fashion[0-9]", 10) and len(told) == 1
    settings = tmp_path / "scan-fashion" / "shards" / "settings.json"
    before = settings.read_text()
    settings.write_text(before.replace('"top": 9', '"top": 8'))
    assert demo._made(part, models, tmp_path, told.append).provenance == first.provenance
    assert settings.read_text() == before


def test_files_of_the_user_are_never_removed(tmp_path):
    part = Part("top", "fashion", (["dense1:1-2"],), "nine", {}, "sample:fashion[0-9]")
    (tmp_path / "scan-fashion").mkdir()
    (tmp_path / "scan-fashion" / "mine.txt").write_text("mine")
    with pytest.raises(OptionError, match="holds files"):
        demo._made(part, {"fashion": convscope.load("fashion")}, tmp_path, lambda text: None)
    assert (tmp_path / "scan-fashion" / "mine.txt").read_text() == "mine"
