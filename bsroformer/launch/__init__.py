"""What the scripts call: one function a script, from a checked configuration to files on disk.

With `bsroformer.cli` it alone knows Hydra and OmegaConf; behind `door`, configurations are objects of `schemas`.
"""
