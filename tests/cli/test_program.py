"""The program as a process: what it loads, how it ends, and methods from strangers."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from convscope.cli import main

HEAVY = ("keras", "tensorflow", "jax", "torch", "matplotlib", "sklearn", "h5py")
EXTENDING = (Path(__file__).parents[2] / "docs" / "extending.md").read_text()
STRANGER = EXTENDING.split("```python\n")[1].split("```")[0]


def run(*arguments, stdin=None, **environment):
    command = [sys.executable, "-m", "convscope", *arguments]
    return subprocess.run(command, env=os.environ | environment, input=stdin, capture_output=True, text=True, check=False)


def python(code, **environment):
    return subprocess.run([sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True, check=False)


def test_importing_convscope_loads_nothing_heavy():
    found = python(f"import convscope, sys; print([name for name in {HEAVY} if name in sys.modules])")
    assert found.stdout.strip() == "[]"


def test_help_loads_nothing_heavy():
    """Not even arrays and pictures: half a second before the first word is too much."""
    code = f"""
import sys
from convscope.cli import main
try:
    main(["--help"])
except SystemExit:
    pass
print([name for name in {[*HEAVY, "numpy", "PIL", "pyarrow"]} if name in sys.modules])
"""
    found = python(code)
    assert found.stdout.splitlines()[-1] == "[]"
    assert "ascend" in found.stdout


@pytest.mark.parametrize(
    "command",
    "layers activations deconv saliency ascend tsne scan top dossier connections atlas replay view demo fetch".split(),
)
def test_every_promised_command_has_help_with_an_example(command, capsys):
    main([command, "--help"])
    assert f"convscope {command}" in capsys.readouterr().out.split("Examples:")[1]


def test_without_a_backend_one_error_names_the_extra(tmp_path):
    code = """
import importlib.util, sys
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name in ("tensorflow", "torch", "jax") else find(name, *rest)
from convscope.cli import main
main(["layers", "fashion"])
"""
    found = python(code, KERAS_BACKEND="")
    assert found.returncode == 2
    assert 'pip install "convscope[tensorflow]"' in found.stderr
    assert "Traceback" not in found.stderr


def test_a_backend_that_is_not_one_is_refused():
    found = run("layers", "fashion", KERAS_BACKEND="theano")
    assert found.returncode == 2
    assert "theano" in found.stderr
    assert "tensorflow, torch, jax" in found.stderr


@pytest.fixture
def stranger(tmp_path):
    """A package outside convscope that registers a method through an entry point."""
    (tmp_path / "stranger.py").write_text(STRANGER)
    info = tmp_path / "stranger-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[convscope.methods]\nbrightness = stranger:METHOD\n")
    return {"PYTHONPATH": os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))}


def test_a_strangers_method_appears_in_the_help(stranger):
    assert "Draw how bright an image is." in run("--help", **stranger).stdout


@pytest.mark.long
def test_a_strangers_method_appears_in_the_session_and_works_as_a_command(stranger, tmp_path):
    target = tmp_path / "bright.png"
    code = f"""
from convscope.cli import main
from convscope.session.guide import Asking, question
from convscope.session.place import Place
print([choice.value for choice in question(Asking("method", whole=True), Place()).choices])
main(["brightness", "sample:cat", "-m", "fashion", "--times", "0.5", "-o", {str(target)!r}])
"""
    found = python(code, **stranger)
    assert found.returncode == 0, found.stderr
    assert "'brightness'" in found.stdout
    assert target.exists()


def test_a_strangers_broken_method_is_a_warning(stranger, tmp_path):
    (tmp_path / "stranger.py").write_text("raise RuntimeError('broken')")
    found = run("--help", **stranger)
    assert found.returncode == 0
    assert "brightness" in found.stderr


@pytest.mark.long
def test_control_c_writes_what_was_reached(tmp_path):
    target = tmp_path / "reached.png"
    arguments = ["ascend", "block3_conv1:0", "-m", "fashion", "--size", "28", "--steps", "100000", "-o", str(target)]
    code = f"""
import sys
from convscope.ascent import climb
from convscope.cli import main

step = climb.AscentRun.step

def telling(run, *given, **more):
    found = step(run, *given, **more)
    climb.AscentRun.step = step
    print("climbing", file=sys.stderr, flush=True)
    return found

climb.AscentRun.step = telling
sys.argv = ["convscope", *{arguments!r}]
main()
"""
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    try:
        assert "climbing\n" in iter(process.stderr.readline, "")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=180)
    finally:
        process.kill()
    assert process.returncode == 130, said
    assert "The results so far were written" in said
    assert target.stat().st_size > 1000


def test_the_prompt_needs_a_terminal_or_a_script():
    found = run(stdin="")
    assert found.returncode == 2
    assert "terminal" in found.stderr
