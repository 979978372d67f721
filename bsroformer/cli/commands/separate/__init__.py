"""``bsroformer separate``: separators, and the run over all songs."""
