"""``bsroformer train``.

`command` reads from top to bottom; each step is a module beside it.
"""
