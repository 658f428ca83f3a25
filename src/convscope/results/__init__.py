"""What the methods return: plain frozen records, arrays plus provenance, that can be saved, shown and made again."""

from .circuits import Connection, Connections, Feed, UnitConnections, UnitFeeds
from .comparisons import Comparison, Parting, UnitPair, Verdict
from .evolutions import Evolution, UnitLook
from .explanations import ClassScore, Confusion, Evidence, Explained, Explanation, LayerEvidence, Neighbour
from .facets import Facet, Facets
from .findings import Findings, Found
from .lesions import Lesions
from .looks import CONTRAST, VIEWS, Activations, Ascent, Projections, picture_names
from .maps import CAUTION_TSNE, Embedding, check_apart
from .names import Names, UnitName
from .record import INTERRUPTED, FloatArray, Provenance, Result, bands_note
from .saliency import COLOURED, MAGNITUDES, SALIENCIES, SIGNED, ComparedMaps, Saliency, map_of
from .scans import PATCH_ARRAYS, Dossier, Patches, TopPatches, Weakest
from .trust import Figure, Tally, Trust, UnitTrust
from .weights import Weights
from .windows import Windows

__all__ = [
    "CAUTION_TSNE",
    "COLOURED",
    "CONTRAST",
    "INTERRUPTED",
    "MAGNITUDES",
    "PATCH_ARRAYS",
    "SALIENCIES",
    "SIGNED",
    "VIEWS",
    "Activations",
    "Ascent",
    "ClassScore",
    "ComparedMaps",
    "Comparison",
    "Confusion",
    "Connection",
    "Connections",
    "Dossier",
    "Embedding",
    "Evidence",
    "Evolution",
    "Explained",
    "Explanation",
    "Facet",
    "Facets",
    "Feed",
    "Figure",
    "Findings",
    "FloatArray",
    "Found",
    "LayerEvidence",
    "Lesions",
    "Names",
    "Neighbour",
    "Parting",
    "Patches",
    "Projections",
    "Provenance",
    "Result",
    "Saliency",
    "Tally",
    "TopPatches",
    "Trust",
    "UnitConnections",
    "UnitFeeds",
    "UnitLook",
    "UnitName",
    "UnitPair",
    "UnitTrust",
    "Verdict",
    "Weakest",
    "Weights",
    "Windows",
    "bands_note",
    "check_apart",
    "map_of",
    "picture_names",
]
