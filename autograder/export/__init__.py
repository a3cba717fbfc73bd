"""Reports in other tools' formats: one module per format, each reads a Report and decides nothing."""
