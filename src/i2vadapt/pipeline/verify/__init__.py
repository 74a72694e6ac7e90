"""Checks everything that preprocessing has made, without making anything."""
