"""Implementations of TV-L1, one a file; each has tvl1_pairs."""
