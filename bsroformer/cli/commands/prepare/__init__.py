"""``bsroformer prepare``: pack, check, preview."""
