"""The commands of the program, a folder each: `command.py` runs it, `config.py` is the schema of its configuration."""
