"""``bsroformer studio``: the page in the browser."""
