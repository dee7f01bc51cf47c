"""Layers and models as modules, which hold sizes and options and never numbers."""
