"""The command *info*: origin, counts and settings of a file or folder of results."""
