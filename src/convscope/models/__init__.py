"""A file or a name -> a `ModelBundle`: the network with its preprocessing, value range, labels and identity digest."""

from .bundle import ModelBundle
from .loading import as_bundle, load, load_default, names_classes
from .preprocessing import PREPROCESSINGS, Preprocessing

__all__ = ["PREPROCESSINGS", "ModelBundle", "Preprocessing", "as_bundle", "load", "load_default", "names_classes"]
