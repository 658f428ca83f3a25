"""A signal carried down a network from a unit to the pixels."""
