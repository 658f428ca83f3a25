"""A loaded model met with its flat graph: addresses, layers, features, and how images enter."""
