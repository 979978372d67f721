"""Find the packs of songs, and notice those whose files have changed."""

from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from bsroformer.data.layouts import SPLITS, SongFiles, SongFormat, StemFile
from bsroformer.data.packs.packed_song import INDEX, Index, PackedSong, open_pack, read_index
from bsroformer.errors import InputError

LONGEST_NAME = 120  # characters in the name of a song's folder, of which a system takes 255 bytes


@dataclass(frozen=True)
class Found:
    """The pack of a song.

    Attributes:
        song: The song as packed; None where there is none that can be used.
        stale: Whether there is one that cannot be used: files have changed, it holds something else, or it is damaged.
    """

    song: PackedSong | None
    stale: bool


def song_folder(pack: Path, split: str, name: str) -> Path:
    """Where the pack of a song belongs; a name is a name, whatever is in it."""
    flat = name.replace("%", "%25").replace("/", "%2F").replace("\\", "%5C")
    flat = f"%2E{flat[1:]}" if flat.startswith(".") else flat
    if len(flat) > LONGEST_NAME:
        flat = f"{flat[:LONGEST_NAME]}-{blake2b(name.encode('utf-8', 'surrogateescape'), digest_size=8).hexdigest()}"
    return pack / split / flat


def find_pack(song: SongFiles, form: SongFormat, pack: Path) -> Found:
    """Find the pack of a song; it may have been in another split when it was packed."""
    stale = False
    for split in (song.split, *(split for split in SPLITS if split != song.split)):
        folder = song_folder(pack, split, song.name)
        index = read_index(folder)
        if index is None:
            stale = stale or (folder / INDEX).exists()
            continue
        wanted = [stem for stem in form.stems if stem in index.stems]
        stale = True
        if _fits(index, song, form) and _is_fresh(index, song, form):
            with suppress(InputError):  # it is damaged
                return Found(open_pack(folder, index, wanted), stale=False)
    return Found(None, stale)


def packed_songs(pack: Path, split: str, form: SongFormat) -> list[PackedSong]:
    """All songs that are packed for a split, in the order of names, without their files.

    Raises:
        InputError: A pack is damaged, or does not hold what is wanted.
    """
    folders = [path.parent for path in pack.glob(f"{split}/*/{INDEX}") if not path.parent.name.startswith(".")]
    songs = []
    for folder in folders:
        index = read_index(folder)
        if index is None or (index.sample_rate, index.channels) != (form.sample_rate, form.channels):
            raise InputError(f"{folder} is packed for other audio, or by another version: remove it and prepare again.")
        if wanted := [stem for stem in form.stems if stem in index.stems]:
            songs.append(open_pack(folder, index, wanted))
    return sorted(songs, key=lambda song: song.name)


def _fits(index: Index, song: SongFiles, form: SongFormat) -> bool:
    """Whether a pack holds what is wanted."""
    wanted = form.stems if song.whole else [stem for stem in form.stems if stem in song.stems]
    same = (index.sample_rate, index.channels) == (form.sample_rate, form.channels)
    return same and bool(wanted) and set(wanted) <= set(index.stems)


def _is_fresh(index: Index, song: SongFiles, form: SongFormat) -> bool:
    """Whether the files are still those that the pack was made of."""
    files = {stem: song.stems[stem] for stem in form.stems if stem in song.stems}
    made_of = {stem for stem in form.stems if stem in index.sources}
    try:
        return made_of == set(files) and all(_is_still(index, stem, file) for stem, file in files.items())
    except OSError:
        return False


def _is_still(index: Index, stem: str, file: StemFile) -> bool:
    return index.sources[stem].is_still(file.path, file.stream)
