"""A song to try the studio with: one of the demo's that no demo training has heard."""

from pathlib import Path

from filelock import FileLock

from bsroformer.atomic import writing
from bsroformer.data.demo_songs import song_names
from bsroformer.data.demo_source import DemoSource

LOCK = ".example.lock"


def example_song(folder: Path) -> tuple[Path, str]:
    """The first test song of the demo set, composed and played in some seconds unless a demo set is there.

    Args:
        folder: Where demo sets are kept, each in a folder of its own: ``data.root`` of ``data=demo``.

    Returns:
        The file of its mixture, and its title.

    Raises:
        InputError: If it has to be played and a package of the extra ``demo`` is missing, or cannot be written.
    """
    [title] = song_names("test", 1)
    alone = DemoSource(
        root=str(folder),
        seed=0,
        train_songs=0,
        valid_songs=0,
        test_songs=1,
        seconds=20,
        stems=(),
        sample_rate=44_100,
        channels=2,
    )
    if found := _mixture(alone.location, title):
        return found, title
    lock = alone.location.parent / LOCK
    with writing(lock):
        lock.parent.mkdir(parents=True, exist_ok=True)
        held = FileLock(lock).acquire()
    with held:  # another process or thread may be playing it
        alone.make()
    return alone.location / "test" / title / "mixture.wav", title


def _mixture(alone: Path, title: str) -> Path | None:
    """The song in a set of any size: it is the same in each."""
    sizes = alone.parent.glob(alone.name.replace("-0+1x", "-*+*x"))
    files = (place / "test" / title / "mixture.wav" for place in sizes)
    return next((file for file in sorted(files) if file.is_file()), None)
