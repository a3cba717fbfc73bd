"""What a learner's commands are made of: work and its last verdicts, hints, watching, handing in, resetting."""
