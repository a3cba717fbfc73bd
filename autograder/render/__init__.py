"""Rendering of reports: at the terminal, as pages, in a notebook.  Reads a Report, decides nothing."""
