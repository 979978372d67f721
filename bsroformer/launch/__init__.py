"""What the commands call: one function a command, from a checked configuration to files on disk.

With `bsroformer.cli` it alone knows Hydra and OmegaConf; behind `door`, configurations are objects of `schemas`.
"""
