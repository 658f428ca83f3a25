"""What users install: the wheel, in an environment that has nothing else, runs the demo from another folder."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = [pytest.mark.once, pytest.mark.long]


def run(*command, **settings):
    ran = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, **settings)
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-2000:]
    return ran.stdout


def test_the_wheel_alone_runs_the_demo_elsewhere(tmp_path):
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, ROOT)
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "env", with_pip=True)
    programs = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin")
    run(programs / "python", "-m", "pip", "install", "--quiet", f"convscope[tensorflow] @ {wheel.as_uri()}")
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "KERAS_BACKEND")}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    run(programs / "convscope", "demo", cwd=elsewhere, env=clean)
    assert len(list((elsewhere / "convscope-demo").glob("*.png"))) >= 10
    assert (elsewhere / "convscope-demo" / "index.html").is_file()
