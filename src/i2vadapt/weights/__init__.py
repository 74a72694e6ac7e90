"""Published weights: downloading them, reading them safely, and mapping them to the names of our networks."""
