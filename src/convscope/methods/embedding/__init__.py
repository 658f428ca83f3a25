"""The map of images: features of the last dense layer, PCA, t-SNE (van der Maaten & Hinton 2008)."""

from .embed import embed

__all__ = ["embed"]
