"""Simplify branches and loops: what the rules of one function cannot see. See `rules`."""
