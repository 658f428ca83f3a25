"""What Keras and the frameworks say to programmers does not reach the terminal."""

import os
import subprocess
import sys

import pytest

from convscope.backend import keras
from networks import filled

CODE = """
import sys
import warnings

import {first}
import keras

warnings.warn("something that only programmers want to know")
print("said by the user's own code", file=sys.stderr)

class Doubling(keras.layers.Layer):
    def call(self, value):
        return value * 2.0
"""


@pytest.mark.once
def test_only_what_was_said_to_the_user_is_printed(tmp_path):
    """Inputs in a dictionary, a layer of the user's own, and a file that imports a framework before Keras."""
    picture, number = keras.Input((8, 8, 3), name="image"), keras.Input((2,), name="age")
    value = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 3, name="conv")(picture))
    value = keras.layers.Concatenate()([value, number])
    model = filled(keras.Model({"image": picture, "age": number}, keras.layers.Dense(3, name="out")(value), name="net"))
    model.save(tmp_path / "net.keras")
    (tmp_path / "own.py").write_text(CODE.format(first=keras.backend.backend()))
    command = [sys.executable, "-m", "convscope", "layers", str(tmp_path / "net.keras"), "--custom", str(tmp_path / "own.py")]
    environment = {name: value for name, value in os.environ.items() if name not in ("TF_CPP_MIN_LOG_LEVEL", "PYTHONWARNINGS")}
    ended = subprocess.run([*command, "--input", "age=0.5"], capture_output=True, text=True, check=False, env=environment)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.splitlines() == ["said by the user's own code"]
