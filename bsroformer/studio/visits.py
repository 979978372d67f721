"""Which song each open page has: the next one takes its place."""

from threading import Lock
from weakref import WeakValueDictionary

from bsroformer.studio.job import Job, Wish
from bsroformer.studio.studio import Studio

LOCKS = 64
"""So many pages can send songs at once; a page waits for itself, and seldom for another."""


class Visits:
    """The songs of the pages that are open.

    A page may send a song before it is told of the one that it has sent: by a double click, say. So the studio's side
    remembers which song a page has, and no song is left behind that nobody sees.

    Args:
        studio: Takes the songs in.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._songs: WeakValueDictionary[str, Job] = WeakValueDictionary()  # while the studio knows them
        self._locks = [Lock() for _ in range(LOCKS)]

    def submit(self, page: str | None, wish: Wish, shown: str | None) -> Job:
        """Take a song in, in place of the one that its page has.

        Args:
            page: Stands for the page, until it is loaded again; None: nobody knows which it is.
            wish: What is to be done.
            shown: Token of the song that the page shows, which may be from before it was loaded again.

        Raises:
            InputError: If it cannot be taken, see `Studio.submit`; the one before goes on then.
        """
        with self._locks[hash(page) % LOCKS]:
            own = self._songs.get(page) if page else None
            job = self._studio.submit(wish, own or (self._studio.job(shown) if shown else None))
            if page:
                self._songs[page] = job
        return job
