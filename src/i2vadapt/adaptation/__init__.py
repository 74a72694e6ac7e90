"""The category-aware flow memory bank and what is retrieved from it."""
