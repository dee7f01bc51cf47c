"""Measurements of artifacts and of the machine that they run on. Nothing here prints."""
