"""convscope shows what a trained convolutional network has learned.

```python
import convscope as cs

model = cs.load("model.h5")  # any saved Keras CNN; VGG16 if you name none
cs.layers(model)  # its layers, with their addresses
cs.ascend(model, "block4_conv2:17").save("17.png")
```
"""

import importlib
from typing import Any

from . import catalogue  # noqa: F401  (it connects the rooms)

__version__ = "0.1.0"

# Each name of the library, and the module that holds it.
PROMISED = {
    "load": "convscope.models",
    "ModelBundle": "convscope.models",
    "layers": "convscope.network.listing",
    "activations": "convscope.methods.activations",
    "deconv": "convscope.methods.deconv",
    "saliency": "convscope.methods.saliency",
    "ascend": "convscope.ascent",
    "ascend_all": "convscope.ascent",
    "tsne": "convscope.embedding",
    "scan": "convscope.scanning",
    "open_run": "convscope.scanning",
    "Run": "convscope.scanning",
    "top": "convscope.portraits.top",
    "dossier": "convscope.portraits.dossier",
    "connections": "convscope.portraits.connections",
    "atlas": "convscope.atlases",
    "replay": "convscope.replaying",
    "objective": "convscope.expressions",
    "direction": "convscope.expressions",
    "Objective": "convscope.expressions",
    "Unit": "convscope.units",
    "ConvscopeError": "convscope.errors",
}

__all__ = list(PROMISED)
# Names of earlier releases, which still mean the same.
EARLIER = {"embed": "tsne"}


def __getattr__(name: str) -> Any:
    """Import a promised name at its first use: `import convscope` itself loads nothing heavy."""
    name = EARLIER.get(name, name)
    if name not in PROMISED:
        raise AttributeError(f"module 'convscope' has no attribute {name!r}")
    value = getattr(importlib.import_module(PROMISED[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *PROMISED})
