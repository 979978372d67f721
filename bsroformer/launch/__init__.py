"""What the scripts call: one function a script, from a composed configuration to files on disk.

The only folder that knows Hydra and OmegaConf.
"""
