"""The command line: a thin coat over the library. Parse, call one function, print."""

from .app import main

__all__ = ["main"]
