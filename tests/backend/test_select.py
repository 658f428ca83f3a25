"""Which framework computes is settled before Keras is imported."""

import importlib.util
import os
import subprocess
import sys

import pytest

from convscope.backend import choose, engine, installed, keras, select, versions
from convscope.errors import BackendError


@pytest.fixture
def before_keras(monkeypatch):
    """Let `choose` believe that Keras is not imported yet, with exactly these backends installed."""

    def arrange(*available, wanted=None):
        monkeypatch.delitem(sys.modules, "keras")
        monkeypatch.setattr(select, "installed", lambda: list(available))
        monkeypatch.setenv("KERAS_BACKEND", wanted or "")

    keras.config.backend()  # imported for good, so that the modules put back are complete
    return arrange


def test_the_first_installed_is_chosen_and_written_to_the_environment(before_keras):
    before_keras("torch", "jax")
    assert choose() == "torch"
    assert os.environ["KERAS_BACKEND"] == "torch"


def test_the_environment_wins(before_keras):
    before_keras("tensorflow", "jax", wanted="jax")
    assert choose() == "jax"


def test_a_backend_that_is_not_installed_is_refused_with_a_way_out(before_keras):
    before_keras("tensorflow", wanted="torch")
    with pytest.raises(BackendError, match=r'not installed.*pip install "convscope\[torch\]"'):
        choose()


def test_a_backend_that_does_not_exist_is_refused(before_keras):
    before_keras("tensorflow", wanted="theano")
    with pytest.raises(BackendError, match="`theano`; convscope runs on tensorflow, torch, jax"):
        choose()


def test_no_backend_at_all_is_answered_with_a_command(before_keras):
    before_keras()
    with pytest.raises(BackendError, match=r'pip install "convscope\[tensorflow\]"'):
        choose()


def test_once_keras_is_imported_its_own_backend_is_what_counts(monkeypatch):
    running = keras.config.backend()
    monkeypatch.setenv("KERAS_BACKEND", "theano")
    assert choose() == running


def test_installed_asks_for_each_package_and_imports_none(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else object())
    assert installed() == ["tensorflow", "jax"]


def test_the_engine_speaks_the_chosen_framework():
    assert engine().__name__ == f"convscope.backend.{keras.config.backend()}_engine"


def test_versions_name_what_computes():
    found = versions()
    assert {"convscope", "keras", "numpy"} <= set(found)
    assert found["keras"] == keras.__version__


def test_importing_convscope_and_its_backend_loads_nothing_heavy():
    heavy = ("keras", "tensorflow", "jax", "torch", "matplotlib", "h5py", "sklearn")
    code = f"import sys, convscope, convscope.backend; print([name for name in {heavy} if name in sys.modules])"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"
