"""Names for the demo songs."""

from bsroformer.errors import InputError

SIZES = {"train": 36, "test": 8}  # songs of a split, unless asked otherwise

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
MOST_SONGS = len(ADJECTIVES) * len(NOUNS) // 2  # of one split


def song_names(split: str, count: int | None = None) -> list[str]:
    """Name the songs of a split: always the same names in the same order, and none in both splits.

    Args:
        split: ``"train"`` or ``"test"``.
        count: How many names; as many as the default set has songs when None.

    Raises:
        InputError: The split is unknown, or there are not so many names.
    """
    if split not in SIZES:
        raise InputError(f'The demo songs have no split "{split}"; ask for "train" or "test".')
    count = SIZES[split] if count is None else count
    if not 0 <= count <= MOST_SONGS:
        raise InputError(f"The demo set has 0 to {MOST_SONGS} {split} songs, not {count}.")
    first = MOST_SONGS if split == "test" else 0
    return [_name(number) for number in range(first, first + count)]


def _name(number: int) -> str:
    """Pair every adjective with every noun before any pair comes again: 7 and 30 share no divisor."""
    lap, place = divmod(number, len(ADJECTIVES))
    return f"{ADJECTIVES[place]} {NOUNS[(place + 7 * lap) % len(NOUNS)]}"
