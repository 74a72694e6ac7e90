"""Training of a run: loop, resumption, scores of the target, history, optimiser."""
