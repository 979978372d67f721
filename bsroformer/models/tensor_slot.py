"""How a file's tensors make up a model's weights."""

from dataclasses import dataclass

Index = tuple[int | slice, ...]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class TensorSlot:
    """A tensor of a file as a part of one of the model's weights.

    Attributes:
        theirs: Its key in the file.
        ours: The name of the weight.
        index: Which part of it; all of it if empty.
    """

    theirs: str
    ours: str
    index: Index = ()
