"""The data sets of a training, as its ledger lists them."""

from collections import Counter
from dataclasses import dataclass, field

from bsroformer.checkpoints.ledger import DataSet, data_set
from bsroformer.data.datamodule import StemsDataModule
from bsroformer.data.licences import TermsReader
from bsroformer.data.packs import packed_terms
from bsroformer.data.packs.packed_track import PackedTrack
from bsroformer.data.song_terms import UNKNOWN, SongTerms
from bsroformer.data.track import AnyTrack


@dataclass
class _Total:
    """Sums over the songs of a data set."""

    songs: int = 0
    frames: int = 0
    licenses: Counter[str] = field(default_factory=Counter)
    sources: dict[str, None] = field(default_factory=dict)

    def add(self, track: AnyTrack, terms: SongTerms) -> None:
        """Add a song."""
        self.songs += 1
        self.frames += track.frames
        self.licenses[terms.license or UNKNOWN] += 1
        if terms.source:
            self.sources[terms.source] = None


def data_sets_of(data: StemsDataModule, name: str | None, license: str | None) -> tuple[list[DataSet], list[str]]:
    """List the data sets that a training learns from, with the licences of their songs.

    Songs to validate on are not among them.

    Args:
        data: The songs, after `setup`.
        name: Name of the data set; None for that of its folder.
        license: Licence of the songs for which no file states one.

    Returns:
        The data sets, and a sentence for each file of a licence that could not be read.
    """
    reader = TermsReader(data.source, name, license)
    terms = _terms_by_song(data, reader)
    totals: dict[str, _Total] = {}
    for track in data.tracks.train:
        of_song = terms[track.name]
        if not of_song.data_set:  # of a pack of an older version
            of_song = of_song.completed(SongTerms(license, None, reader.name))
        total = totals.setdefault(of_song.data_set, _Total())
        total.add(track, of_song)
    rate = data.source.form.sample_rate
    data_sets = [
        data_set(name, total.songs, total.frames / rate / 3600, total.licenses, list(total.sources))
        for name, total in totals.items()
    ]
    return data_sets, reader.faults


def _terms_by_song(data: StemsDataModule, reader: TermsReader) -> dict[str, SongTerms]:
    """Return the terms of each song to train on: those of its files, or of its pack without them."""
    if not data.tracks.alone:
        files = [song for song in data.files if song.split == "train"]
        return {song.name: song.terms for song in reader.with_terms(files)}
    assert data.pack is not None
    by_folder = packed_terms(data.pack)
    tracks = [track for track in data.tracks.train if isinstance(track, PackedTrack)]
    return {track.name: by_folder.get(track.folder, SongTerms()) for track in tracks}
