"""Layers and losses as functions of their parameters."""
