"""Preparing the data of the paper's benchmarks: download, unpack, lay out, count."""
