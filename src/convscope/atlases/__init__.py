"""The atlas: a site of a whole network in one folder, made of a run, chunk by chunk, and resumed wherever it was left."""

from .atlas import Atlas, atlas

__all__ = ["Atlas", "atlas"]
