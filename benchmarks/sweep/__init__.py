"""Products and attention of many shapes in axec and its peers: `python -m sweep --help`."""
