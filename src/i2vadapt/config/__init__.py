"""Typed settings of every stage and run: the single source of defaults, bounds, documentation, schema and errors."""
