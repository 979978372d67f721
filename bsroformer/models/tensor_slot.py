"""Mapping from a file's tensors to a model's weights."""

from dataclasses import dataclass

Index = tuple[int | slice, ...]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class TensorSlot:
    """A tensor of a file, and the part of a weight that it fills.

    Attributes:
        theirs: Key of the tensor in the file.
        ours: Name of the weight.
        index: Part of the weight; all of it if empty.
    """

    theirs: str
    ours: str
    index: Index = ()
