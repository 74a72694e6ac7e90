"""What every stage runs on: devices, arithmetic, processes, signals, progress. Knows nothing of images or methods."""
