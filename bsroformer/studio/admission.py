"""Which songs are taken in: what is asked for makes sense, is within the limits, and has space on the disk."""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from bsroformer.audio.convert import check_rates
from bsroformer.audio.files import probe
from bsroformer.errors import InputError
from bsroformer.studio.job import Wish
from bsroformer.studio.limits import Limits, check_quality
from bsroformer.studio.menu import Offer
from bsroformer.studio.probing import BusyError, TimedCalls, TooSlowError
from bsroformer.studio.reserve import Claim, Reserve
from bsroformer.studio.shelf import Shelf


class Admitted(NamedTuple):
    """What is known of a song that can be taken in.

    Attributes:
        seconds: Its length, if its header has it.
        claim: Space on the disk for its stems.
    """

    seconds: float | None
    claim: Claim


class Admission:
    """Examines songs, each within a time limit, since a crafted file may take minutes to be opened.

    Args:
        limits: What a visitor may ask for.
        shelf: Has the uploads.
        reserve: Space on its disk.
    """

    def __init__(self, limits: Limits, shelf: Shelf, reserve: Reserve) -> None:
        self._limits = limits
        self._shelf = shelf
        self._reserve = reserve
        self._timed = TimedCalls()

    def admit(self, wish: Wish, offer: Offer) -> Admitted:
        """Examine a song, and claim space on the disk for its stems.

        Raises:
            InputError: If it cannot be taken in.
        """
        check_quality(wish.overlap, wish.shifts)
        check_stems(wish, offer)
        try:
            seconds, size = self._timed.call(partial(self._examine, wish, offer), wish.visitor)
        except InputError as error:
            raise InputError(for_people(error, {str(wish.source): wish.name})) from error
        except BusyError as error:
            raise InputError(f"too many songs are being opened here for {wish.name}: try again in a minute") from error
        except TooSlowError as error:
            self._shelf.delete_upload(wish.source)  # or the same could be asked for again and again
            message = f"{wish.name} takes too long to be read: save it again as wav or flac, and drop it"
            raise InputError(message) from error
        claim = self._reserve.claim(size)
        if claim is None:
            raise InputError(
                f"the disk has no room for the stems of {wish.name}: "
                "try a shorter song, or later, when others are deleted"
            )
        return Admitted(seconds, claim)

    def _examine(self, wish: Wish, offer: Offer) -> tuple[float | None, float]:
        """Length of a song in seconds, if its header has it, and size of its stems in bytes."""
        seconds = self._limits.length_of(wish.source, wish.name)
        self._limits.check_work(seconds, wish.times, wish.name)
        check_rates(probe(wish.source).sample_rate, offer.sample_rate)
        return seconds, self._limits.stems_size(wish.source, seconds, len(wish.names))


def check_stems(wish: Wish, offer: Offer) -> None:
    """Make sure that the stems are of the checkpoint.

    Raises:
        InputError: If not.
    """
    wanted = set(wish.stems)
    if not wanted or wanted - set(offer.stems) or len(wanted) < len(wish.stems):
        raise InputError(f"choose one or more of the stems {', '.join(offer.stems)} of {offer.name}, each once")


def for_people(error: InputError, names: Mapping[str, str]) -> str:
    """A message with names that people know in place of this machine's paths.

    Args:
        error: What is wrong.
        names: For each path that it may name.
    """
    message = str(error)
    for path in sorted(names, key=len, reverse=True):
        message = message.replace(path, names[path])
    return message
