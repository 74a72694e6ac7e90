"""Loss functions. They take tensors and know nothing of networks, clips or files."""
