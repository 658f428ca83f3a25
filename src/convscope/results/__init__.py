"""What the methods return: plain frozen records, arrays plus provenance, that can be saved, shown and made again."""

from .circuits import Connection, Connections, Feed, UnitConnections, UnitFeeds
from .looks import CONTRAST, VIEWS, Activations, Ascent, Projections, Saliency, picture_names
from .maps import CAUTION_TSNE, Embedding, check_apart
from .record import INTERRUPTED, FloatArray, Provenance, Result, bands_note
from .scans import PATCH_ARRAYS, Dossier, Patches, TopPatches
from .windows import Windows

__all__ = [
    "CAUTION_TSNE",
    "CONTRAST",
    "INTERRUPTED",
    "PATCH_ARRAYS",
    "VIEWS",
    "Activations",
    "Ascent",
    "Connection",
    "Connections",
    "Dossier",
    "Embedding",
    "Feed",
    "FloatArray",
    "Patches",
    "Projections",
    "Provenance",
    "Result",
    "Saliency",
    "TopPatches",
    "UnitConnections",
    "UnitFeeds",
    "Windows",
    "bands_note",
    "check_apart",
    "picture_names",
]
