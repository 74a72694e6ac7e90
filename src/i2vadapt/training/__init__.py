"""Training of a run: loop, checkpoints, history, optimiser."""
