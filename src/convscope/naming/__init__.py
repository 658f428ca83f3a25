"""What units fire for: labels told by their maxima, tested on images that did not choose them; and units found by labels."""

from .find import find
from .name import name

__all__ = ["find", "name"]
