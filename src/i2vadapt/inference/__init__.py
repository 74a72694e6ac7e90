"""Inference with trained networks: scores of videos, and predictions from scores."""
