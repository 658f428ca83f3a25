"""A run whose units are known, for all tests of names."""

import shutil
import sys
from pathlib import Path

import pytest

from convscope.scanning import open_run

for place in (Path(__file__).parent, Path(__file__).parents[1] / "scanning"):
    sys.path.insert(0, str(place))


@pytest.fixture(scope="session")
def scanned(tmp_path_factory):
    """The folder of that run."""
    from bright import scan

    return scan(tmp_path_factory.mktemp("naming"))


@pytest.fixture
def run(scanned, tmp_path):
    """A copy of it without names."""
    shutil.copytree(scanned, tmp_path / "run")
    return open_run(tmp_path / "run")
