"""Reports as other tools read them: one module a format, each reads a Report and decides nothing."""
