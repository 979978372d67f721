"""The commands, a folder each.

In a folder, `command.py` runs the command, and `config.py` is the schema of its configuration.
"""
