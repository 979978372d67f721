"""Colours of all pictures: light text on a near-black ground, one colour for each stem."""

BACKGROUND, TEXT, FAINT = "#0d0b14", "#f2eef7", "#9a93ad"
STEM_COLOURS = ("#ff7a59", "#ffc857", "#5fd3bc", "#b388ff", "#6fb1ff", "#f48fb1")


def stem_colour(n: int) -> str:
    """The colour of the n-th stem."""
    return STEM_COLOURS[n % len(STEM_COLOURS)]
