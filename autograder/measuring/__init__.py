"""Measuring cost: time, memory, growth, the yardstick, hot spots."""
