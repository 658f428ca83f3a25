"""T12: TensorFlow, PyTorch and JAX, each in a process of its own, compute the same numbers."""

import os
import subprocess
import sys

import numpy as np
import pytest

from convscope.backend import installed
from networks import residual, small
from twins import relative_error

pytestmark = pytest.mark.long

SCRIPT = """
import sys
from pathlib import Path
import numpy as np
import convscope
import convscope.backend
from convscope.images import Fit, as_batch

folder, target = Path(sys.argv[1]), sys.argv[2]
cat = as_batch("sample:cat", Fit(3, (96, 96))).pixels
found = {}

def look(name, model, layer, unit, pixels):
    found[f"{name} activations"] = convscope.activations(model, layer, pixels).maps
    for switches in ("switches", "spread", "center"):
        found[f"{name} deconv {switches}"] = convscope.deconv(model, unit, pixels, switches=switches).pixels
    found[f"{name} saliency"] = convscope.saliency(model, unit, pixels).pixels
    found[f"{name} guided"] = convscope.saliency(model, unit, pixels, method="guided").pixels
    if name == "small":
        for method in ("input", "integrated", "smooth", "gradcam", "gradcam++", "layercam", "occlusion"):
            found[f"{name} {method}"] = convscope.saliency(model, unit, pixels, method=method).maps

look("vgg16", convscope.load("vgg16", weights="embedded"), "block4_conv2", "block4_conv2:17", cat)
small = convscope.load(folder / "small.keras")
pixels = np.load(folder / "small.npy")
likeliest = int(convscope.activations(small, "predictions", pixels[:1]).maps.argmax())
look("small", small, "conv2", f"predictions:{likeliest}", pixels)
look("residual", convscope.load(folder / "residual.keras"), "both_relu", "both_relu:1", np.load(folder / "residual.npy"))
for mode in ("best", "paper"):
    climbed = convscope.ascend("fashion", "block2_conv2:1-4", mode=mode, steps=4, precision="float32")
    found[f"fashion ascend {mode}"] = climbed.courses
    found[f"fashion picture {mode}"] = climbed.images
mapped = convscope.tsne("fashion", "sample:fashion[0-39]")
found["fashion features"], found["fashion points"] = mapped.features, mapped.points
np.savez(target, backend=convscope.backend.keras.backend.backend(), **found)
"""
RESULTS = [
    f"{network} {what}"
    for network in ("vgg16", "small", "residual")
    for what in ("activations", "deconv switches", "deconv spread", "deconv center", "saliency", "guided")
] + [f"small {method}" for method in ("input", "integrated", "smooth", "gradcam", "gradcam++", "layercam", "occlusion")]
RESULTS += ["fashion ascend best", "fashion ascend paper", "fashion features", "fashion points"]


@pytest.fixture(scope="module")
def computed(tmp_path_factory):
    """Run the script under every installed backend, side by side; return backend -> name -> array."""
    backends = installed()
    if len(backends) < 2:
        pytest.skip(f"T12 compares backends; only {', '.join(backends)} is installed")
    folder = tmp_path_factory.mktemp("backends")
    rng = np.random.default_rng(0)
    for name, model in (("small", small(side=16)), ("residual", residual())):
        model.save(folder / f"{name}.keras")
        np.save(folder / f"{name}.npy", rng.uniform(size=(2, *model.input_shape[1:])).astype("float32"))
    running = {}
    for backend in backends:
        command = [sys.executable, "-c", SCRIPT, str(folder), str(folder / f"{backend}.npz")]
        environment = os.environ | {"KERAS_BACKEND": backend, "XLA_FLAGS": ""}  # compiled as for users, unlike in the other tests
        running[backend] = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for backend, process in running.items():
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, f"{backend}: {output}"
    found = {backend: dict(np.load(folder / f"{backend}.npz")) for backend in backends}
    assert [str(arrays["backend"]) for arrays in found.values()] == backends
    return found


@pytest.mark.parametrize("name", RESULTS)
def test_t12_the_backends_agree(computed, name, record_error):
    (first, expected), *others = ((backend, arrays[name]) for backend, arrays in computed.items())
    assert np.abs(expected).max() > 0
    for backend, found in others:
        error = relative_error(found, expected)
        assert record_error(f"T12 {name.split()[0]}, {first} = {backend}", error) <= 1e-4
