"""Exact resume: checkpoint files, checks of their content, signals and requeuing."""
