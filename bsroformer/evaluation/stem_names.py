"""Matching of a method's names of stems with those of the tracks."""

from collections.abc import Mapping, Sequence

from bsroformer.errors import InputError

LEAD = "vocals"
OTHER = "other"
RESIDUAL = "residual"
"""The mixture minus all written stems: ``residual=true`` of bsroformer separate, and Open-Unmix."""
ACCOMPANIMENT = "accompaniment"
"""All but the vocals: MUSDB18's name for the sum of the other stems."""
OF_ACCOMPANIMENT = frozenset(
    {
        "accompaniment",
        "backing_track",
        "inst",
        "instrum",
        "instrument",
        "instrumental",
        "instrumentals",
        "instruments",
        "minus_vocals",
        "no_vocals",
        "non_vocals",
        "novocals",
    }
)
"""Names of the accompaniment in other programs: ``minus_vocals`` and ``no_vocals`` are Demucs', ``instrum`` the Music
Source Separation Training repository's, ``instrumental`` that of UVR and audio-separator."""
PARTS_OF_OTHER = frozenset(
    {
        "acoustic_guitar",
        "brass",
        "electric_guitar",
        "guitar",
        "guitars",
        "keyboard",
        "keyboards",
        "keys",
        "lead_guitar",
        "organ",
        "percussion",
        "piano",
        "pianos",
        "rhythm_guitar",
        "strings",
        "synth",
        "synths",
        "wind",
        "winds",
        "woodwind",
        "woodwinds",
    }
)
"""Stems of models with more than four, which are part of MUSDB18's ``other``."""


def matched(own: Sequence[str], of_song: Sequence[str]) -> dict[str, str]:
    """Map the track's names of stems to the method's, for all stems that both have.

    Case is ignored, and blanks and hyphens equal underscores. The ``other`` of a method is the mixture without its
    other stems. It equals the track's ``other`` if the method separates all other stems of the track, or none of them,
    and no part of ``other``; with the vocals alone it is the accompaniment; otherwise it equals no stem of the track.

    Args:
        own: The method's names.
        of_song: The track's names.
    """
    mine = {compared(name): name for name in own}
    names = {stem: mine[compared(stem)] for stem in of_song if compared(stem) in mine}
    if OTHER in names and not _is_other_of_song(mine, of_song):
        del names[OTHER]
    if LEAD in of_song and len(of_song) > 1 and ACCOMPANIMENT not in names:
        accompaniment = _accompaniment(mine, names)
        if accompaniment is not None:
            names[ACCOMPANIMENT] = accompaniment
    return names


def unmatched(own: Sequence[str], of_song: Sequence[str]) -> list[str]:
    """List the stems of a method that match no stem of the track."""
    used = set(matched(own, of_song).values())
    return [name for name in own if name not in used and compared(name) != RESIDUAL]


def compared(name: str) -> str:
    """Normalise a stem's name for comparison: ``No Vocals`` is ``no_vocals``."""
    return name.casefold().replace(" ", "_").replace("-", "_")


def _is_other_of_song(mine: Mapping[str, str], of_song: Sequence[str]) -> bool:
    if any(name in mine for name in PARTS_OF_OTHER.difference(map(compared, of_song))):
        return False
    separated = [compared(stem) in mine for stem in of_song if stem != OTHER]
    return all(separated) or not any(separated)


def _accompaniment(mine: Mapping[str, str], names: Mapping[str, str]) -> str | None:
    """Find the method's name of the accompaniment.

    It is a known name, or the residual of a method with vocals alone.
    """
    named = next((mine[name] for name in mine if name in OF_ACCOMPANIMENT), None)
    if named is not None or names.keys() != {LEAD} or not PARTS_OF_OTHER.isdisjoint(mine):
        return named
    return mine.get(OTHER, mine.get(RESIDUAL))


def common_stems(
    methods: Mapping[str, Sequence[str]], of_song: Sequence[str], wanted: Sequence[str] | None
) -> list[str]:
    """Choose the stems to score: those that all methods have.

    They are in the track's order, with the accompaniment last.

    Without a choice, the accompaniment is scored for methods that do not split it into stems.

    Args:
        methods: Each method's own names of its stems, by the method's name.
        of_song: The tracks' names.
        wanted: Requested stems; None for all.

    Raises:
        InputError: If a method lacks a requested stem, none is requested, or they have none in common.
    """
    have = {method: matched(own, of_song) for method, own in methods.items()}
    common = [stem for stem in (*of_song, ACCOMPANIMENT) if all(stem in names for names in have.values())]
    if wanted is not None and not wanted:
        raise InputError(f"stems is empty; choose from {', '.join(common)}.")
    if wanted is not None:
        return list(dict.fromkeys(_known(stem, have, common) for stem in wanted))
    if not common:
        lists = "; ".join(f"{method} has {', '.join(own) or 'none'}" for method, own in methods.items())
        raise InputError(
            f"The songs have the stems {', '.join(of_song)}, and some evaluated methods lack these: {lists}."
        )
    return [stem for stem in common if stem != ACCOMPANIMENT] if len(common) > 2 else common


def _known(stem: str, have: Mapping[str, Mapping[str, str]], common: Sequence[str]) -> str:
    found = next((name for name in common if name.casefold() == str(stem).casefold()), None)
    if found is None:
        lacking = [method for method, names in have.items() if str(stem).casefold() not in map(str.casefold, names)]
        raise InputError(
            f"stems names {stem}, which {', '.join(lacking) or 'the songs'} lack; choose from {', '.join(common)}."
        )
    return found
