"""The picture that grows in the terminal: only where somebody watches, never in a pipe."""

import io
import sys
from types import SimpleNamespace

import numpy as np
from PIL import Image

from convscope.cli import preview
from convscope.cli.pictures import UPPER
from convscope.cli.preview import growing


class Terminal(io.StringIO):
    def isatty(self):
        return True


def drawn(picture):
    return Image.fromarray((picture * 255).astype("uint8"))


def stage(step):
    return SimpleNamespace(step=step, steps=3, pictures=lambda: np.full((2, 8, 8, 3), 0.5, dtype="float32"))


def test_in_a_pipe_nothing_is_shown(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with growing(drawn) as watch:
        assert watch is None
    assert sys.stderr.getvalue() == ""


def test_in_a_terminal_the_picture_and_the_steps_are_shown(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(preview, "SECONDS_BETWEEN_PREVIEWS", 0.0)
    with growing(drawn) as watch:
        for step in (1, 2, 3):
            watch(stage(step))
    assert UPPER in sys.stderr.getvalue()
    assert "3/3" in sys.stderr.getvalue()
