"""Names for the demo songs."""

from bsroformer.errors import InputError

SIZES = {"train": 36, "test": 8}
"""Songs of each split of the default set."""

ADJECTIVES = (
    "Amber", "Borrowed", "Copper", "Distant", "Electric", "Faded", "Golden", "Hidden", "Indigo", "Jade",
    "Kindled", "Lonely", "Midnight", "Northern", "Open", "Paper", "Quiet", "Restless", "Silver", "Tangled",
    "Unwritten", "Velvet", "Winter", "Yellow", "Crooked", "Drifting", "Early", "Floating", "Gentle", "Hollow",
)  # fmt: skip
NOUNS = (
    "Harbour", "Avenue", "Bridges", "Carousel", "Daylight", "Embers", "Fields", "Gardens", "Horizon",
    "Island", "Junction", "Kites", "Lanterns", "Morning", "Notebook", "Orchard", "Postcards", "Quarry",
    "River", "Station", "Tides", "Umbrellas", "Valley", "Windows", "Yesterday", "Zephyr", "Compass",
    "Mirrors", "Rooftops", "Stairs",
)  # fmt: skip
MAX_SONGS = len(ADJECTIVES) * len(NOUNS) // 2
"""Songs of one split."""


def song_names(split: str, count: int | None = None) -> list[str]:
    """Name the songs of a split: always the same names in the same order.

    Names differ between splits.

    Args:
        split: ``"train"`` or ``"test"``.
        count: Number of names; None is the number of songs in the default set.

    Raises:
        InputError: The split is unknown, or there are too few names.
    """
    if split not in SIZES:
        raise InputError(f'The demo songs have no split "{split}"; ask for "train" or "test".')
    count = SIZES[split] if count is None else count
    if not 0 <= count <= MAX_SONGS:
        raise InputError(f"The demo set has 0 to {MAX_SONGS} {split} songs, not {count}.")
    first = MAX_SONGS if split == "test" else 0
    return [_name(number) for number in range(first, first + count)]


def _name(number: int) -> str:
    """Pair every adjective with every noun before any pair comes again.

    7 and 30 share no divisor.
    """
    lap, index = divmod(number, len(ADJECTIVES))
    noun = NOUNS[(index + 7 * lap) % len(NOUNS)]
    return f"{ADJECTIVES[index]} {noun}"
