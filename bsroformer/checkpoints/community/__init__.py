"""Public BS-RoFormer and Mel-Band RoFormer checkpoints: weights in the layout of their authors' code, and its YAML.

Their constructor arguments are `options` here, this project's the `settings`; a checkpoint's `keys` are theirs, and
an `architecture` is what can be read from shapes alone.
"""
