"""``python scripts/benchmark.py``."""
