"""What a configuration will take, measured on a few of its own items before anything runs."""
