"""Differentiation: rules in tables keyed by the op, one file per op family; `reverse` and `forward`
apply them to functions."""
