"""Whose work a hand-in is: hand-ins that are alike, and questions about a student's own code."""
