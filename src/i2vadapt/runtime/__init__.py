"""What every stage runs on: devices, precision, processes, signals, progress. Independent of images and methods."""
