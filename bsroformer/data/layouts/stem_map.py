"""Names of stems by the names of files, and stems that are sums of several files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bsroformer.data.layouts.track_files import MIXTURE, REST, StemFile, TrackFiles
from bsroformer.errors import InputError
from bsroformer.file_names import normal

OTHERS = "*"
"""All files of a track, in a sum, that no other entry names and that are no stem of the data."""


@dataclass(frozen=True)
class StemMap:
    """The names that files get, as in ``data.stem_map``.

    Attributes:
        renamed: Names of stems, by the names of files: ``{song: rest}``.
        sums: Names of files, by the stem that is their sum: ``{other: (guitar, piano)}``. A track need not have all of
            them. ``*`` means all files without a name here or in ``data.stems``.
    """

    renamed: Mapping[str, str]
    sums: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, entries: Mapping[str, str | Sequence[str]] | None) -> "StemMap":
        """Read the entries of ``data.stem_map``: a word renames a file, a list names the files of a sum.

        Raises:
            InputError: If a sum has no files, or a file is in two entries.
        """
        renamed: dict[str, str] = {}
        sums: dict[str, tuple[str, ...]] = {}
        for name, value in (entries or {}).items():
            if isinstance(value, str):
                renamed[normal(name)] = value
            else:
                sums[name] = tuple(normal(file) for file in value)
        files = [*renamed, *(file for summed in sums.values() for file in summed)]
        for file in files:
            if files.count(file) > 1:
                raise InputError(f"data.stem_map uses {file} twice; remove one of its entries")
        for stem, summed in sums.items():
            if not summed:
                raise InputError(f"data.stem_map.{stem} has no files to sum; name some, or remove it")
        return cls(renamed, sums)

    def of_stems(self, stems: Sequence[str]) -> "StemMap":
        """Return the map without the sums of stems that are not requested."""
        return StemMap(self.renamed, {stem: files for stem, files in self.sums.items() if stem in stems})

    def files_of(self, stems: Sequence[str]) -> list[str]:
        """List the names of files that hold these stems."""
        own = [stem for stem in stems if stem not in self.renamed]
        renamed = [file for file, stem in self.renamed.items() if stem in stems]
        summed = [file for stem, files in self.sums.items() if stem in stems for file in files]
        return list(dict.fromkeys([*own, *renamed, *summed]))

    def apply(self, song: TrackFiles, requested: Sequence[str]) -> TrackFiles:
        """Give the files of a track their stems' names, and add the sums; two files of one name are a fault.

        Args:
            song: The track.
            requested: Names of the stems of the data.
        """
        names: dict[str, list[str]] = {}
        for name in song.stems:
            names.setdefault(self.renamed.get(name, name), []).append(name)
        faults = [
            f"{song.path} has {' and '.join(several)}, which are both {stem} by data.stem_map; change it, or remove "
            "one of them."
            for stem, several in names.items()
            if len(several) > 1
        ]
        stems = {stem: song.stems[first] for stem, (first, *_) in names.items()}
        others = self._others(song, requested)
        for stem, files in self.sums.items():
            named = [file for file in files if file in song.stems]
            present = sorted(named + others if OTHERS in files else named, key=lambda file: file != stem)
            if stem in stems and stem not in present:
                faults.append(f"{song.path} has {stem}, which data.stem_map makes of other files; rename one of them.")
            elif present:
                stems[stem] = summed(song, present)
        return replace(song, stems=stems, faults=(*song.faults, *faults))

    def _others(self, song: TrackFiles, requested: Sequence[str]) -> list[str]:
        """List the files of a track that ``*`` means."""
        named = {MIXTURE, REST, *requested, *self.renamed, *song.parts(list(song.stems))}
        for stem, files in self.sums.items():
            named |= set(files)
            if OTHERS in files:
                named.discard(stem)
        return [file for file in song.stems if file not in named]

    def check(self, stems: Sequence[str], tracks: Sequence[TrackFiles]) -> None:
        """Check that names of files occur, of a sum at least one, and that stems are requested.

        Raises:
            InputError: If one does not, or is not.
        """
        files = {name for song in tracks for name in song.stems}
        made = dict(self.renamed)
        for stem, summed in self.sums.items():
            made |= dict.fromkeys(summed, stem)
        made.pop(OTHERS, None)
        optional = {file for summed in self.sums.values() for file in summed if files.intersection(summed)}
        for name, stem in made.items():
            if name not in files and name not in optional:
                raise InputError(
                    f"data.stem_map names {name}, and no song has a file or stem of that name; correct it."
                )
            if stem not in (*stems, MIXTURE):
                raise InputError(
                    f"data.stem_map makes {name} {stem}, which is not in data.stems=[{','.join(stems)}]; correct one "
                    "of them."
                )
        for stem, summed in self.sums.items():
            twice = [file for file in summed if file in stems and file != stem]
            if twice and stem != MIXTURE:
                raise InputError(
                    f"data.stem_map sums {twice[0]} into {stem}, and data.stems=[{','.join(stems)}] has {twice[0]} "
                    "itself; remove it from one of them."
                )


def summed(song: TrackFiles, files: Sequence[str]) -> StemFile:
    """Make the stem that is the sum of some files of a track, which may be sums themselves."""
    first, *others = files
    plus = [*song.stems[first].plus]
    for other in others:
        plus += [other, *song.stems[other].plus]
    return replace(song.stems[first], plus=tuple(plus), first=first)
