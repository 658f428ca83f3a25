"""The command line: a thin coat over the library. Parse, call one function, print."""

from .ending import main

__all__ = ["main"]
