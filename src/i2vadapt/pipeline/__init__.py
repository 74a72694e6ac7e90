"""The stages as a whole: what a configuration will cost, and whether everything that was made is sound."""
