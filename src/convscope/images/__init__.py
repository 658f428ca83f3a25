"""Files, folders, lists, archives and arrays -> images in [0, 1]: the only room that opens pictures."""

from .batch import ImageBatch, ImageStream, Seen, as_array_batch, as_batch, entering, stacks
from .fitting import Fit, whole
from .numbers import Pixels
from .source import Source
from .sources import ImageSet, as_image_set

__all__ = [
    "Fit",
    "ImageBatch",
    "ImageSet",
    "ImageStream",
    "Pixels",
    "Seen",
    "Source",
    "as_array_batch",
    "as_batch",
    "as_image_set",
    "entering",
    "stacks",
    "whole",
]
