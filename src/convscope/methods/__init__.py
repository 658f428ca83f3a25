"""The methods. Each module registers one `Method`; the command line, the session and `replay` know methods only through it."""

from .method import METHODS, Method, Option, provenance

__all__ = ["METHODS", "Method", "Option", "provenance"]
