"""Transformations of functions: derivatives, batching, mixed precision."""
