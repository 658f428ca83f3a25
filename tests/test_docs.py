"""The documentation is held true: commands parse, names have headings, examples run."""

import json
import re
import shlex
from pathlib import Path

import click
import numpy as np
import pytest

import convscope
from convscope.ascent import IMAGES, OBJECTIVES
from convscope.catalogue import METHODS
from convscope.cli.app import program

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)


def command_lines():
    texts = [(ROOT / "README.md").read_text(), *(path.read_text() for path in (ROOT / "docs").rglob("*.md"))]
    lines = [line.split("#")[0].strip() for text in texts for block in SHELL.findall(text) for line in block.splitlines()]
    examples = [example for name in METHODS for example in METHODS.get(name).examples]
    return [line for line in [*lines, *examples] if line.startswith("convscope ")]


@pytest.mark.parametrize("line", command_lines())
def test_every_command_that_is_shown_parses(line):
    name, *arguments = shlex.split(line)[1:]
    command = program.get_command(click.Context(program), name)
    assert command is not None
    assert command.make_context(name, arguments).params


@pytest.mark.parametrize("name", convscope.__all__)
def test_every_promised_name_has_a_heading(name):
    assert f"\n## {name}\n" in (ROOT / "docs" / "library.md").read_text()


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.once
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if not target.startswith("http"):
            path, _, anchor = target.partition("#")
            there = page.parent / path if path else page
            assert there.exists(), target
            assert not anchor or anchor in anchors(there), target


@pytest.mark.once
def test_the_site_has_every_page_and_notebook():
    listed = set(re.findall(r"^(?:\.\./)?[\w/-]+$", (ROOT / "docs" / "index.md").read_text(), re.MULTILINE))
    pages = {path.relative_to(ROOT / "docs").with_suffix("").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert pages - {"index"} - listed == set()
    assert {f"../examples/{path.stem}" for path in (ROOT / "examples").glob("*.ipynb")} - listed == set()


@pytest.mark.once
@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_what_it_computed(path):
    cells = json.loads(path.read_text("utf-8"))["cells"]
    assert len(cells) > 5
    assert [cell["id"] for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []


def test_every_method_has_a_heading_and_a_command():
    methods, commands = ((ROOT / "docs" / page).read_text() for page in ("methods.md", "commands.md"))
    for name in METHODS:
        assert f"\n## {name}\n" in methods
        assert f"\n## convscope {name}\n" in commands


def test_the_rule_of_the_documentation_is_the_deconvnet():
    code = next(one for one in PYTHON.findall((ROOT / "docs" / "extending.md").read_text()) if "DECONVNET" in one)
    names = {}
    exec(code, names)
    asked = ("fashion", "block2_conv2:3", "sample:cat")
    own, documented = convscope.deconv(*asked).pixels, convscope.deconv(*asked, rules=names["DECONVNET"]).pixels
    assert np.abs(documented - own).max() <= 1e-5 * np.abs(own).max()  # a stranger's rule runs on the whole image


def test_the_parts_of_gradient_ascent_in_the_documentation_run():
    section = (ROOT / "docs" / "extending.md").read_text().split("## A part of gradient ascent")[1].split("\n## ")[0]
    names = {}
    try:
        for block in PYTHON.findall(section):
            exec(block, names)
            if "result" in names:
                result = names.pop("result")
                assert result.images.std(axis=(1, 2, 3)).min() > 0
    finally:
        OBJECTIVES._entries.pop("brightest_corner", None)
        IMAGES._entries.pop("soft pixels", None)
    assert names["again"].provenance.parameters["units"] == ["brightest_corner(block2_conv2)"]
    assert names["pictures"].shape == (4, 32, 32, 1)


def test_the_ruleset_of_the_documentation_is_ones_own_in_under_ten_lines():
    code = next(one for one in PYTHON.findall((ROOT / "docs" / "extending.md").read_text()) if "RULESETS.register" in one)
    assert len(code.strip().splitlines()) < 10
    exec(code, {})
    asked = ("fashion", "block2_conv2:3", "sample:cat")
    mine, guided, gradient = (convscope.deconv(*asked, rules=name) for name in ("guided-at-last", "guided", "gradient"))
    assert mine.provenance.parameters["rules"] == "guided-at-last"
    assert np.abs(mine.pixels - guided.pixels).max() > 0
    assert np.abs(mine.pixels - gradient.pixels).max() > 0
    assert mine.pixels.any()


def test_the_engine_and_the_measures_of_the_documentation_work(tmp_path):
    names = {"__name__": "documented"}
    for code in PYTHON.findall((ROOT / "docs" / "extending.md").read_text()):
        if any(name in code for name in ("class Threads", "ENGINES.register", "class Brightness", "class Quarters")):
            exec(code, names)
    asked = {"images": "sample:fashion[0-299]", "layers": "dense1", "precision": "float32"}
    alone = convscope.scan("fashion", **asked, out=tmp_path / "alone")
    run = convscope.scan("fashion", **asked, out=tmp_path / "run", engine="threads:2", measure=names["Brightness"])
    assert (run.path / "top.parquet").read_bytes() == (alone.path / "top.parquet").read_bytes()
    picture = run.picture(7)
    assert np.isclose(run.images.numbers["brightness"][7], picture.mean())
    quarters = convscope.scan("fashion", **asked, out=tmp_path / "quarters", measure=names["Quarters"])
    assert np.allclose(quarters.features[7], picture.reshape(2, 14, 2, 14).mean(axis=(1, 3)).ravel())
