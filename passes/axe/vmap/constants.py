"""Constants have no operands, so that none of them has the batch axis."""
