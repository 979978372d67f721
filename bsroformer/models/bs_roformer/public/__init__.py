"""Public BS-RoFormer and Mel-Band RoFormer checkpoints: weights and their YAML.

`options` are the constructor arguments of the public code, `settings` those of this project; `keys` are the names of
tensors in the public layout.
"""

from bsroformer.models.bs_roformer.public.layout import RoformerLayout

__all__ = ["RoformerLayout"]
