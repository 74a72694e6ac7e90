"""Files on disk: atomic writes, tables, digests, temporary names."""
