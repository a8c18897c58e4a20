"""What Tests/run.py is made of, and what suites share: running programs, TAP, gateways, samples."""
