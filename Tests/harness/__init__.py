"""What Tests/run.py is made of: running programs, reading their results, and checks that are no program's."""
