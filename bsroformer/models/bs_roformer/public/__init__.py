"""Public BS-RoFormer and Mel-Band RoFormer checkpoints: weights in the layout of their authors' code, and its YAML.

Their constructor arguments are `options` here, this project's the `settings`; a checkpoint's `keys` are theirs.
"""

from bsroformer.models.bs_roformer.public.layout import RoformerLayout

__all__ = ["RoformerLayout"]
