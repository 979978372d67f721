"""Which of a song's stems a method's are: programs name them each in its own way."""

from collections.abc import Mapping, Sequence

from bsroformer.errors import InputError

LEAD = "vocals"
ACCOMPANIMENT = "accompaniment"
"""All but the vocals: MUSDB18's name for the sum of the other stems."""
OF_ACCOMPANIMENT = frozenset({"accompaniment", "instrumental", "instrument", "instruments", "inst", "no_vocals"})
"""What programs call it."""


def matched(own: Sequence[str], of_song: Sequence[str]) -> dict[str, str]:
    """What a method has of a song: the song's name of a stem -> the method's.

    Capitals do not matter. The ``other`` of a method that has vocals and other alone is the accompaniment of a song
    that has more stems than these, and must not be taken for MUSDB18's ``other``.

    Args:
        own: The method's names.
        of_song: The song's names.
    """
    mine = {name.casefold(): name for name in own}
    names = {stem: mine[stem.casefold()] for stem in of_song if stem.casefold() in mine}
    if LEAD not in of_song or len(of_song) < 2:
        return names
    rest = next((mine[name] for name in mine if name in OF_ACCOMPANIMENT), None)
    if mine.keys() == {LEAD, "other"} and set(of_song) > {LEAD, "other"}:
        rest = names.pop("other")
    if rest is not None and ACCOMPANIMENT not in names:
        names[ACCOMPANIMENT] = rest
    return names


def common_stems(
    methods: Mapping[str, Sequence[str]], of_song: Sequence[str], wanted: Sequence[str] | None
) -> list[str]:
    """The stems to score: those that all methods have, in the song's order, the accompaniment last.

    Without a choice, the accompaniment is scored for methods that do not part it into stems.

    Args:
        methods: Each method's own names of its stems, by the method's name.
        of_song: The songs' names.
        wanted: Those that were asked for; None for all.

    Raises:
        InputError: If a method lacks one that was asked for, none was, or they have none in common.
    """
    have = {method: matched(own, of_song) for method, own in methods.items()}
    common = [stem for stem in (*of_song, ACCOMPANIMENT) if all(stem in names for names in have.values())]
    if wanted is not None and not wanted:
        raise InputError(f"stems names nothing: choose from {', '.join(common)}.")
    if wanted is not None:
        return list(dict.fromkeys(_known(stem, have, common) for stem in wanted))
    if not common:
        told = "; ".join(f"{method} has {', '.join(own) or 'none'}" for method, own in methods.items())
        raise InputError(
            f"The songs have the stems {', '.join(of_song)}, and these are not in all that is evaluated: {told}."
        )
    return [stem for stem in common if stem != ACCOMPANIMENT] if len(common) > 2 else common


def _known(stem: str, have: Mapping[str, Mapping[str, str]], common: Sequence[str]) -> str:
    found = next((name for name in common if name.casefold() == str(stem).casefold()), None)
    if found is None:
        lacking = [method for method, names in have.items() if str(stem).casefold() not in map(str.casefold, names)]
        raise InputError(
            f"stems names {stem}, which {', '.join(lacking) or 'the songs'} lack: choose from {', '.join(common)}."
        )
    return found
