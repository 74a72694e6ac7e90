"""The tables and figures of workflow/experiments, from what has been trained so far."""
