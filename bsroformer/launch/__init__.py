"""What the commands call: one function a command, from a composed configuration to files on disk.

The only folder that knows Hydra and OmegaConf.
"""
