"""The methods. Each has one `METHOD`, which the catalogue lists: all that the command line, the session and `replay` know of it."""

from ..method import Method, Option, provenance

__all__ = ["Method", "Option", "provenance"]
