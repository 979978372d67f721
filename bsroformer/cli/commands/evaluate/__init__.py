"""``bsroformer evaluate``: candidates, scoring with progress, logged scores."""
