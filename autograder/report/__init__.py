"""Reports: what was found, and what is stored of it."""
