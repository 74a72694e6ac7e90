"""What adaptation keeps of the two domains: the flow memory bank, features of the source, prototypes of the classes."""
