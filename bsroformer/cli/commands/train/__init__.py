"""``bsroformer train``: `command` reads from top to bottom, each step in a module beside it."""
