"""Clips for the networks: which frames of which item, cropped, flipped, batched."""
