"""What authors run: release, audit, calibration, the start of a new assignment."""
