"""The category-aware flow memory bank and the retrieval of flow from it."""
