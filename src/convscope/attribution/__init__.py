"""Which part of an image makes a score: the arithmetic of the methods, each in a module, on arrays and a network."""
