"""Implementations of TV-L1, one per module; each has a function `tvl1_pairs`."""
