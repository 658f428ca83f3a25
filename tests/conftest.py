"""What all tests share: the folder of builders on the import path, and a table of the largest errors at the end."""

import importlib.util
import os
import re
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from convscope.models import loading

sys.path.insert(0, str(Path(__file__).parent))
# Most of what JAX does in these tests is compile, hundreds of small functions; these take half of it away. XLA ends the process at a flag
# that it does not know, and older ones do not know the last.
XLA_FLAGS = ["--xla_backend_optimization_level=0", "--xla_llvm_disable_expensive_passes=true"]
if importlib.util.find_spec("jaxlib") and tuple(map(int, version("jaxlib").split(".")[:2])) >= (0, 7):
    XLA_FLAGS.append("--xla_cpu_use_fusion_emitters=false")
os.environ.setdefault("XLA_FLAGS", " ".join(XLA_FLAGS))

ERRORS: pytest.StashKey[dict[str, float]] = pytest.StashKey()


def pytest_configure(config):
    config.stash[ERRORS] = {}
    # Keras 3.15 calls np.array on PyTorch tensors, whose __array__ is older than NumPy 2 wants. Neither is ours.
    config.addinivalue_line("filterwarnings", "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")


@pytest.fixture(scope="session", autouse=True)
def _embedded_networks_are_read_once():
    """Each reading is a process that reads HDF5. Networks are only read (T10), so the hundreds of tests that name one share it."""
    by_name, found = loading._by_name, {}

    def once(name, weights):
        if name not in loading.EMBEDDED or weights is not None:
            return by_name(name, weights)
        if name not in found:
            found[name] = by_name(name, weights)
        return found[name]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(loading, "_by_name", once)
        yield


@pytest.fixture(scope="session")
def bucket():
    """A bucket that a server in this process plays."""
    from buckets import serving

    with serving() as made:
        yield made


@pytest.fixture(scope="session")
def record_error(request):
    """Keep the largest error of an identity for the table, and return the error just measured: `assert record_error("T6", e) < 1e-6`."""
    largest = request.config.stash[ERRORS]

    def record(identity, error):
        largest[identity] = max(float(error), largest.get(identity, 0.0))
        return float(error)

    return record


def pytest_terminal_summary(terminalreporter, config):
    largest = config.stash[ERRORS]
    if largest:
        terminalreporter.section(f"largest relative errors, backend {os.environ.get('KERAS_BACKEND', 'unset')}")
        for identity in sorted(largest, key=lambda name: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]):
            terminalreporter.write_line(f"{identity:<44} {largest[identity]:.1e}")
