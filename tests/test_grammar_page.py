"""docs/units.md is held true: its tables mean what they say, its code runs."""

import re
from pathlib import Path

import numpy as np
import pytest

import convscope
from convscope.network.addresses import as_candidates
from convscope.network.listing import matching
from convscope.network.network import as_network
from convscope.network.targets import as_targets

PAGE = (Path(__file__).parent.parent / "docs" / "units.md").read_text()


def rows(heading):
    """Return the cells of the table under a heading, without its two first lines."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip().strip("`") for cell in line.strip("|").split(" | ")] for line in lines]


@pytest.mark.parametrize(("address", "meaning", "count"), rows("Addresses"))
def test_an_address_means_as_many_units_as_the_page_says(address, meaning, count):
    assert len(as_candidates("fashion", address)) == int(count)


@pytest.mark.parametrize(("expression", "meaning"), rows("Expressions"))
def test_an_expression_of_the_page_is_read(expression, meaning, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("stripes.npy", np.arange(64.0))
    (found,) = as_targets(as_network("fashion"), expression)
    assert isinstance(found, convscope.Objective) and str(convscope.objective(str(found))) == str(found)


@pytest.mark.parametrize(("pattern", "addresses"), rows("Layer patterns"))
def test_a_pattern_means_the_layers_that_the_page_says(pattern, addresses):
    assert [layer.address for layer in matching("fashion", pattern)] == addresses.split()


@pytest.mark.long
def test_the_code_about_runs_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(code, {})
    assert all((tmp_path / name).is_file() for name in ("top.png", "classes.png", "dossier/dossier.html", "deconv.png"))
