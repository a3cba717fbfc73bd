"""Everything behind a learner's commands: work and its last verdicts, hints, watching, handing in, resetting."""
