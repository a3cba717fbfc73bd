"""From one submission to one report."""
