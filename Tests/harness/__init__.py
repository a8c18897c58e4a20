"""The parts of Tests/run.py, and what suites share: running programs, TAP, gateways, samples."""
