"""A sample of bench/sweep.py: architectures of keras.applications, saved in both formats, through every method."""

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

SWEEP = Path(__file__).parents[1] / "bench" / "sweep.py"
# Hard gates, squeeze-and-excitation and operations as layers; normalisation inside and swish; dense blocks.
SAMPLE = ("MobileNetV3Small", "EfficientNetV2B0", "DenseNet121")


@pytest.mark.long
@pytest.mark.skipif(not SWEEP.exists(), reason="bench/ is not part of this copy")
@pytest.mark.parametrize("name", SAMPLE)
def test_an_architecture_passes_every_step_in_both_formats(name, tmp_path):
    lines = tmp_path / "sweep.jsonl"
    ran = subprocess.run([sys.executable, str(SWEEP), name, "--lines", str(lines)], capture_output=True, text=True, check=False)
    line = json.loads(lines.read_text())
    sweep = runpy.run_path(str(SWEEP))
    assert not sweep["failures"](line)
    assert all(set(steps) == set(sweep["STEPS"]) for steps in line["runs"].values())
    assert ran.returncode == 0, ran.stderr
    assert "14 ticks of 14" in ran.stdout
