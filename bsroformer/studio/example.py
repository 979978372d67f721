"""The example song: a test song of the demo set, which no demo training uses."""

from pathlib import Path

from filelock import FileLock

from bsroformer.atomic import writing
from bsroformer.data.demo_songs import song_names
from bsroformer.data.demo_source import DemoSource

LOCK = ".example.lock"


def example_song(folder: Path) -> tuple[Path, str]:
    """Return the demo's first test song, which is created if there is no demo set.

    Args:
        folder: Folder of demo sets: ``data.root`` of ``data=demo``.

    Returns:
        The file of its mixture, and its title.

    Raises:
        InputError: It cannot be created: a package of the extra ``demo`` is missing, or the folder is not writable.
    """
    [title] = song_names("test", 1)
    source = DemoSource(
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
    existing = _find_mixture(source.location, title)
    if existing is not None:
        return existing, title
    lock = source.location.parent / LOCK
    with writing(lock):
        lock.parent.mkdir(parents=True, exist_ok=True)
        held = FileLock(lock).acquire()
    with held:  # another process or thread may be creating it
        source.make()
    return source.location / "test" / title / "mixture.wav", title


def _find_mixture(demo_set: Path, title: str) -> Path | None:
    """Find the song in a demo set of any size: it is the same in each."""
    sets = demo_set.parent.glob(demo_set.name.replace("-0+1x", "-*+*x"))
    files = sorted(folder / "test" / title / "mixture.wav" for folder in sets)
    return next((file for file in files if file.is_file()), None)
