"""Published weights: downloading, safe reading, and their mapping to the names of our networks."""
