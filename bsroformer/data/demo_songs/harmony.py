"""Music theory of the demo songs: keys, chord symbols and voice leading."""

import re
from dataclasses import dataclass

NOTE_NAMES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
MAJOR = (0, 2, 4, 5, 7, 9, 11)
MODES = {
    "major": MAJOR,
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}

# Chords in semitones above the root. A numeral's case says major or minor, what follows it the rest.
QUALITIES = {
    ("major", ""): (0, 4, 7),
    ("minor", ""): (0, 3, 7),
    ("major", "7"): (0, 4, 7, 10),
    ("minor", "7"): (0, 3, 7, 10),
    ("major", "maj7"): (0, 4, 7, 11),
    ("major", "6"): (0, 4, 7, 9),
    ("minor", "6"): (0, 3, 7, 9),
    ("major", "9"): (0, 4, 7, 10, 14),
    ("minor", "9"): (0, 3, 7, 10, 14),
    ("major", "add9"): (0, 4, 7, 14),
    ("minor", "add9"): (0, 3, 7, 14),
    ("major", "sus4"): (0, 5, 7),
    ("minor", "7b5"): (0, 3, 6, 10),
}
NUMERALS = {"i": 0, "ii": 1, "iii": 2, "iv": 3, "v": 4, "vi": 5, "vii": 6}
SYMBOL = re.compile(r"([b#]?)([iv]+|[IV]+)(.*)")

# Bars are separated by spaces, two chords in one bar by a comma. Numerals count in the major scale
# in every mode, so that a minor song's submediant is written bVI.
PROGRESSIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "pop": {
        "major": ("I V vi IV", "vi IV I V", "I vi IV V", "IV I V vi", "I iii IV V", "I IV vi V"),
        "minor": ("i bVI bIII bVII", "i bVII bVI bVII", "i iv bVI V", "bVI bVII i i", "i bIII bVII iv"),
    },
    "rock": {
        "major": ("I IV V IV", "I bVII IV I", "I V IV IV", "I I IV V"),
        "mixolydian": ("I bVII IV I", "I IV bVII IV", "I I bVII IV"),
        "minor": ("i bVII bVI bVII", "i bIII bVII IV", "i i bVI bVII", "i bVI iv V"),
    },
    "ballad": {
        "major": ("I V,vi IV V", "Iadd9 iii vi IV", "I Vsus4,V vi IV,iv", "IV V iii,vi ii,V"),
        "minor": ("iadd9 bVI bIII bVII", "i v bVI iv", "i bVII bVI Vsus4,V"),
    },
    "jazz": {
        "major": ("ii7 V7 Imaj7 vi7", "Imaj7 vi7 ii7 V7", "Imaj7 IVmaj7 iii7,vi7 ii7,V7", "I6 bIII7 ii7 V7"),
        "minor": ("i7 iv7 ii7b5 V7", "i6 bVI7 ii7b5 V7", "iv7 bVII7 bIIImaj7 bVImaj7"),
    },
    "soul": {
        "major": ("Imaj7 iii7 IVmaj7 V7", "ii7 iii7 IVmaj7 V7", "I6 vi7 ii7 V7", "IVmaj7 iii7 ii7 Imaj7"),
        "dorian": ("i7 IV9 i7 IV9", "i9 i9 IV7 IV7", "i7 ii7 i7 IV7"),
        "minor": ("i7 bVImaj7 iv7 V7", "i9 iv9 i9 V7"),
    },
    "blues": {
        "mixolydian": ("I7 IV7 I7 I7 IV7 IV7 I7 V7", "I7 I7 IV7 I7,V7", "I9 IV9 I9 V9"),
        "minor": ("i7 i7 iv7 i7", "i7 iv7 bVI7,V7 i7"),
    },
    "dance": {
        "minor": ("i bVI bVII i", "i i bVI bVII", "i bIII bVII iv", "bVImaj7 bVII i7 i7"),
        "major": ("vi IV I V", "Imaj7 IVmaj7 Imaj7 IVmaj7", "IV V vi vi"),
        "dorian": ("i7 IV i7 IV", "i7 i7 bVII IV"),
    },
    "latin": {
        "major": ("I6 ii7 V7 I6", "Imaj7 II7 ii7 V7", "I IV V IV"),
        "minor": ("i bVII bVI V7", "i iv V7 i", "i6 ii7b5,V7 i6 bVII7"),
    },
    "folk": {
        "major": ("I IV I V", "I V vi iii IV I IV V", "I Isus4 V vi,IV", "I ii IV I"),
        "dorian": ("i bVII i IV", "i bIII bVII i", "i v IV i"),
        "mixolydian": ("I bVII I IV", "I v IV I"),
    },
}


@dataclass(frozen=True)
class Chord:
    """A chord: symbol, the root's pitch class, and tones in semitones above it."""

    symbol: str
    root: int
    intervals: tuple[int, ...]

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """Pitch classes of the tones, the root's first."""
        return tuple((self.root + interval) % 12 for interval in self.intervals)


@dataclass(frozen=True)
class Key:
    """A key: its tonic's pitch class (C is 0) and its mode."""

    tonic: int
    mode: str

    def __str__(self) -> str:
        return f"{NOTE_NAMES[self.tonic]} {self.mode}"

    @property
    def home(self) -> Chord:
        """The tonic chord."""
        return self.chord("i" if 3 in MODES[self.mode] else "I")

    def chord(self, symbol: str) -> Chord:
        """Read a chord symbol such as ``bVIImaj7``: accidental, roman numeral, extension."""
        match = SYMBOL.fullmatch(symbol)
        if match is None:
            raise ValueError(f"{symbol!r} is not a chord symbol such as I, bVII or ii7.")
        accidental, numeral, extension = match.groups()
        degree = MAJOR[NUMERALS[numeral.lower()]] + {"b": -1, "": 0, "#": 1}[accidental]
        quality = "major" if numeral.isupper() else "minor"
        return Chord(symbol, (self.tonic + degree) % 12, QUALITIES[quality, extension])

    def progression(self, text: str) -> list[list[Chord]]:
        """Read a progression such as ``"I V,vi IV"``.

        It is a list of bars, each a list of one or two chords.
        """
        bars = [bar.split(",") for bar in text.split()]
        return [[self.chord(symbol) for symbol in symbols] for symbols in bars]

    def scale_over(self, chord: Chord) -> tuple[int, ...]:
        """List the pitch classes to sing over a chord.

        These are its tones, and those of the mode that do not clash with them.
        """
        scale = {(self.tonic + step) % 12 for step in MODES[self.mode]}
        foreign = {tone for tone in chord.pitch_classes if tone not in scale}
        below = {(tone - 1) % 12 for tone in foreign}
        above = {(tone + 1) % 12 for tone in foreign}
        return tuple(sorted((scale - below - above) | set(chord.pitch_classes)))


def nearest(pitch: float, pitch_classes: tuple[int, ...]) -> int:
    """Find the MIDI pitch of these pitch classes that is closest to ``pitch``."""
    octaves = range(int(pitch) - 12, int(pitch) + 13)
    candidates = [other for other in octaves if other % 12 in pitch_classes]
    return min(candidates, key=lambda other: (abs(other - pitch), other))


def voice_chord(chord: Chord, previous: list[int] | None, low: int, high: int, voices: int = 4) -> list[int]:
    """Spread a chord over some pitches, moving as little as possible.

    Args:
        chord: The chord to voice.
        previous: The voicing before it, or None at the start of a part.
        low: Lowest MIDI pitch allowed.
        high: Highest MIDI pitch allowed.
        voices: How many pitches to return at most.
    """
    candidates = []
    for bass in range(low, low + 12):
        if bass % 12 not in chord.pitch_classes:
            continue
        tones = [pitch for pitch in range(bass, high + 1) if pitch % 12 in chord.pitch_classes]
        candidates.append(tones[:voices])
    target = previous or [(low + high) // 2 - 5 + 4 * voice for voice in range(voices)]

    def movement(pitches: list[int]) -> int:
        return sum(abs(new - old) for new, old in zip(pitches, target, strict=False))

    return min(candidates, key=movement)
