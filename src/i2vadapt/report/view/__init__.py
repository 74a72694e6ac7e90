"""The command *view*: sheets, films and the flow's histogram of single items, of a shard or of a dataset."""
