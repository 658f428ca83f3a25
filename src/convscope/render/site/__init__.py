"""The kit of all pages: one shell, one stylesheet with the colours of the pictures, one way to load data, and one policy.

A page is either alone, one file that holds its style and needs no script, or has its `assets` beside it, asked for with their version.
"""

from .embedding import embedded
from .shell import CSP, CSP_ALONE, Assets, assets, page
from .transport import column, data_file, narrow, rising, sheet
from .words import words

__all__ = ["CSP", "CSP_ALONE", "Assets", "assets", "column", "data_file", "embedded", "narrow", "page", "rising", "sheet", "words"]
