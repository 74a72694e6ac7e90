"""The command *init*: a benchmark file from a folder of photographs and a folder of videos."""
