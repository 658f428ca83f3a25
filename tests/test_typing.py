"""Type checkers and editors know what `convscope` promises, although it is imported late."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import convscope

pytestmark = pytest.mark.once

ROOT = Path(__file__).parent.parent
SNIPPET = """
import convscope as cs

model = cs.load("fashion")
cs.deconv(model, "block2_conv2:3", "cat.jpg", swiches=True)
cs.deconvolve(model, "block2_conv2:3", "cat.jpg")
cs.open_run("run").dossier("block2_conv2:3").percentil
reveal_type(cs.tsne(model, "photos"))
cs.layers(model)[0].address.upper()
cs.open_run("run").patches("block2_conv2:3", swiches=True)
"""


@pytest.mark.long
def test_a_misspelt_name_is_an_error_for_mypy(tmp_path):
    (tmp_path / "snippet.py").write_text(SNIPPET)
    words = [
        sys.executable,
        "-m",
        "mypy",
        "--config-file",
        str(ROOT / "pyproject.toml"),
        "--cache-dir",
        str(ROOT / ".mypy_cache"),
        "snippet.py",
    ]
    found = subprocess.run(words, cwd=tmp_path, env={"MYPYPATH": str(ROOT / "src"), "PATH": ""}, capture_output=True, text=True)
    lines = [line for line in found.stdout.splitlines() if line.startswith("snippet.py")]
    assert [int(line.split(":")[1]) for line in lines if ": error: " in line] == [5, 6, 7, 10], found.stdout + found.stderr
    assert 'did you mean "switches"?' in lines[0]
    assert any("convscope.results.maps.Embedding" in line for line in lines if ":8: note" in line)


def test_the_names_for_checkers_are_those_that_are_promised():
    tree = ast.parse(Path(convscope.__file__).read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING")
    found = {alias.asname for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert found == set(convscope.PROMISED)


def test_the_earlier_name_warns_and_is_the_same():
    with pytest.warns(DeprecationWarning, match="`convscope.embed` is now `convscope.tsne`."):
        assert convscope.embed is convscope.tsne
    with pytest.raises(AttributeError):
        convscope.embedd  # noqa: B018
