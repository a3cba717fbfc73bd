"""Marking by hand: the store of marks is written, a local page shows answers, a gradebook's marks are read."""
