"""From a trained network to scores, and from scores to predictions."""
