"""How far pictures of units can be trusted: five measures over arrays, and what gathers the arrays from a network and a run."""
