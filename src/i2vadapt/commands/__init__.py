"""The sub-commands: their arguments and what they call. Heavy imports happen inside, so that --help is quick."""
