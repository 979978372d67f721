"""Resume a run: its configuration, checked before anything in it is used."""
