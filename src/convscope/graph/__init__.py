"""A network as a flat list of calls: where its units are, what each sees, and how a signal is projected back through it."""
