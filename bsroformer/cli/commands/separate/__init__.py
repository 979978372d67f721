"""``bsroformer separate``: separators by configuration, and the run over all songs."""
