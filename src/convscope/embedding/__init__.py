"""The map of images: features that feed the last decision, PCA, t-SNE (van der Maaten & Hinton 2008)."""

from .embed import tsne

__all__ = ["tsne"]
