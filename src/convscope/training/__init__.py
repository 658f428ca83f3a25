"""Units through training: what they see at each checkpoint, and pictures while `fit` runs."""

from .evolve import evolve
from .watch import Watch

__all__ = ["Watch", "evolve"]
