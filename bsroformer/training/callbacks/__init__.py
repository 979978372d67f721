"""Callbacks of a training, one a file.

Files are named after the keys in ``configs/callbacks/`` and ``configs/debug/``.
"""
