"""What the methods return: plain frozen records, arrays plus provenance, that can be saved, shown and made again."""

from .circuits import Connection, Connections, Feed, UnitConnections, UnitFeeds
from .facets import Facet, Facets
from .findings import Findings, Found
from .looks import CONTRAST, VIEWS, Activations, Ascent, Projections, Saliency, picture_names
from .maps import CAUTION_TSNE, Embedding, check_apart
from .names import Names, UnitName
from .record import INTERRUPTED, FloatArray, Provenance, Result, bands_note
from .scans import PATCH_ARRAYS, Dossier, Patches, TopPatches, Weakest
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
    "Facet",
    "Facets",
    "Feed",
    "Findings",
    "FloatArray",
    "Found",
    "Names",
    "Patches",
    "Projections",
    "Provenance",
    "Result",
    "Saliency",
    "TopPatches",
    "UnitConnections",
    "UnitFeeds",
    "UnitName",
    "Weakest",
    "Windows",
    "bands_note",
    "check_apart",
    "picture_names",
]
