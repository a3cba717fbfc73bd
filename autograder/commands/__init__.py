"""The commands, by who uses them: learners, teachers, authors of a course."""
