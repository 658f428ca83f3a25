"""The map of images as a page: one folder that opens from disk and from any static host, without a network."""

from .page import write_page

__all__ = ["write_page"]
