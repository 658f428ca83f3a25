"""convscope shows what a trained convolutional network has learned.

```python
import convscope as cs

model = cs.load("model.h5")  # any saved Keras CNN; VGG16 if you name none
cs.layers(model)  # its layers, with their addresses
cs.ascend(model, "block4_conv2:17").save("17.png")
```
"""

import importlib
import warnings
from typing import TYPE_CHECKING, Any

from . import catalogue  # noqa: F401  (it connects the rooms)
from .notebook import several_in_a_list as _several_in_a_list

if TYPE_CHECKING:  # for checkers and editors: the same names as in PROMISED
    from .ascent import ascend_all as ascend_all
    from .ascent.ascend import ascend as ascend
    from .atlases.atlas import atlas as atlas
    from .comparing.compare import compare as compare
    from .embedding import tsne as tsne
    from .errors import ConvscopeError as ConvscopeError
    from .explaining.explain import explain as explain
    from .expressions import Objective as Objective
    from .expressions import direction as direction
    from .expressions import objective as objective
    from .look.cell import live as live
    from .methods.activations import activations as activations
    from .methods.deconv import deconv as deconv
    from .methods.saliency import saliency as saliency
    from .methods.weights import weights as weights
    from .models import ModelBundle as ModelBundle
    from .models import load as load
    from .naming.find import find as find
    from .naming.name import name as name
    from .network.listing import layers as layers
    from .portraits.connections import connections as connections
    from .portraits.dossier import dossier as dossier
    from .portraits.facets import facets as facets
    from .portraits.lesion import lesion as lesion
    from .portraits.top import top as top
    from .replaying import replay as replay
    from .scanning import Run as Run
    from .scanning import open_run as open_run
    from .scanning.scan import scan as scan
    from .training.evolve import evolve as evolve
    from .training.watch import Watch as Watch
    from .trusting.trust import trust as trust
    from .units import Unit as Unit

    embed = tsne

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
    "facets": "convscope.portraits.facets",
    "connections": "convscope.portraits.connections",
    "name": "convscope.naming",
    "find": "convscope.naming",
    "explain": "convscope.explaining.explain",
    "weights": "convscope.methods.weights",
    "lesion": "convscope.portraits.lesion",
    "compare": "convscope.comparing",
    "evolve": "convscope.training",
    "Watch": "convscope.training",
    "trust": "convscope.trusting.trust",
    "atlas": "convscope.atlases",
    "live": "convscope.look.cell",
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


if not TYPE_CHECKING:  # else a misspelt name would be anything to a checker

    def __getattr__(name: str) -> Any:
        """Import a promised name at its first use: `import convscope` itself loads nothing heavy."""
        if name in EARLIER:
            warnings.warn(f"`convscope.{name}` is now `convscope.{EARLIER[name]}`.", DeprecationWarning, stacklevel=2)
            return getattr(importlib.import_module(PROMISED[EARLIER[name]]), EARLIER[name])
        if name not in PROMISED:
            raise AttributeError(f"module 'convscope' has no attribute {name!r}")
        value = getattr(importlib.import_module(PROMISED[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *PROMISED})


_several_in_a_list()
