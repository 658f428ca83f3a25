"""The methods. Each has one `METHOD`, which the catalogue lists: all that the command line, the session and `replay` know of it."""

from ..method import Method, Option, provenance
from ..options import Opt, check_options, options_of

__all__ = ["Method", "Opt", "Option", "check_options", "options_of", "provenance"]
