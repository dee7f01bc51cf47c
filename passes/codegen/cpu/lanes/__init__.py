"""Vectors of elements: how they stand in registers and memory, loops over them, folds of them."""
