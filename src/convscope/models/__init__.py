"""A file or a name -> a `ModelBundle`: the network with its preprocessing, value range, labels and identity digest."""

from .bundle import ModelBundle
from .loading import load, load_default, names_classes
from .preprocessing import PREPROCESSINGS, Preprocessing
from .sources import as_bundle

__all__ = ["PREPROCESSINGS", "ModelBundle", "Preprocessing", "as_bundle", "load", "load_default", "names_classes"]
