"""Batching: rules in tables keyed by the op, one file per op family; `batch` applies them to
functions."""
