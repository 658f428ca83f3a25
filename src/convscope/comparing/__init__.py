"""Two networks on the same images: how alike their layers are, which units correspond, and where their predictions part."""

from .compare import compare

__all__ = ["compare"]
