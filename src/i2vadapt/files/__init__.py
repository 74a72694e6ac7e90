"""Files on disk: atomic writes, CSV tables, digests, temporary names."""
