"""Which part of an image a unit depends on, and the smaller network that computes it there alone."""
