"""Clips for the networks: choice of frames, crops and flips, batches and loaders."""
