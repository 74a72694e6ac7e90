"""Shards: one HDF5 file with the encoded frames of many items."""
