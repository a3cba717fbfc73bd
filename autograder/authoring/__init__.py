"""Tools for authors: release, audit, calibration, new assignments."""
