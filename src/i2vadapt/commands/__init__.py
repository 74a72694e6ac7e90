"""The sub-commands: argument definitions and what they call. Heavy imports happen inside the commands, so that --help is quick."""
