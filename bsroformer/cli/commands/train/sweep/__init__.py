"""Jobs of a sweep, and their table."""
