"""Callbacks of a training, one a file, named after their keys in ``configs/callbacks/`` and ``configs/debug/``."""
