"""The command *status*: what of a configuration is done, running, failed or missing.

Reads files and nothing else, beside a running workflow as well, and imports only what Snakemake's own environment has.
"""
