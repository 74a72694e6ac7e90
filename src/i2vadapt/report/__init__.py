"""Report of a benchmark: tables, figures, contact sheets, one page."""
