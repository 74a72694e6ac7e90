"""Loss functions of tensors, independent of networks, clips and files."""
