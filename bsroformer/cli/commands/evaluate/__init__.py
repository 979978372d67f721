"""``bsroformer evaluate``: candidates, scoring with progress, and what loggers get."""
