"""The methods. Each has one `METHOD`, which the catalogue lists: all that the command line, the session and `replay` know of it."""

from ..method import Method, Pieces, paged, provenance
from ..options import Opt, check_options

__all__ = ["Method", "Opt", "Pieces", "check_options", "paged", "provenance"]
