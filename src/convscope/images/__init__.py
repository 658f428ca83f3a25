"""Files, folders, lists, archives and arrays -> images in [0, 1]: the only room that opens pictures."""

from .batch import ImageBatch, ImageStream, as_array_batch, as_batch, entering
from .fitting import Fit
from .source import Source
from .sources import ImageSet, as_image_set

__all__ = ["Fit", "ImageBatch", "ImageSet", "ImageStream", "Source", "as_array_batch", "as_batch", "as_image_set", "entering"]
