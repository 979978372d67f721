"""Licences and sources of songs, from their folders, tables and packs."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bsroformer.data.layouts import TrackFiles, TrackFormat
from bsroformer.data.licences import TermsReader
from bsroformer.data.packs import pack_tracks, packed_terms, plan_packs
from bsroformer.data.song_terms import SongTerms, license_of_text, source_text, terms_in
from bsroformer.data.sources import FolderSource
from bsroformer.errors import InputError

STEMS = ("vocals", "drums")


def add_song(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for stem in STEMS:
        soundfile.write(folder / f"{stem}.wav", np.full((800, 2), 0.1), 8000, subtype="PCM_16")
    return folder


def source_of(root: Path, layout: str = "any", extra: list[str] | None = None) -> FolderSource:
    return FolderSource(str(root), layout, [], extra or [], STEMS, 8000, 2)  # type: ignore[arg-type]


def read(source: FolderSource, *names: str | None) -> tuple[dict[str, SongTerms], list[str]]:
    reader = TermsReader(source, *names)
    return {song.name: song.terms for song in reader.with_terms(source.files())}, reader.faults


@pytest.mark.parametrize(
    ("text", "license"),
    [
        ("\n  MIT License \n\nCopyright", "MIT License"),
        ("My songs\nSPDX-License-Identifier: CC-BY-NC-4.0\n", "CC-BY-NC-4.0"),
        ("Creative Commons Legal Code\n\nCC0 1.0 Universal\n", "CC0 1.0 Universal"),
        ("=====\nAttribution 4.0\n=====", "Attribution 4.0"),
        ("a\x1b[2Jb\u202ec", "a[2Jbc"),
        ("x" * 999, "x" * 200),
        ("\n\n", None),
    ],
)
def test_a_licence_is_named_by_its_text(text, license):
    assert license_of_text(text) == license


@pytest.mark.parametrize("name", ["LICENSE", "LICENSE.txt", "license.txt"])
def test_a_licence_file_states_the_licence(tmp_path, name):
    (tmp_path / name).write_text("CC BY 4.0\n")
    assert terms_in(tmp_path) == SongTerms("CC BY 4.0")


@pytest.mark.parametrize("name", ["metadata.json", "metadata.yaml"])
def test_metadata_state_licence_and_source(tmp_path, name):
    (tmp_path / "LICENSE").write_text("CC BY 4.0\n")
    (tmp_path / name).write_text(json.dumps({"license": "CC0-1.0", "source": "https://example.org", "more": [1]}))
    assert terms_in(tmp_path) == SongTerms("CC0-1.0", "https://example.org")


def test_metadata_of_other_programs_say_nothing(tmp_path):
    (tmp_path / "metadata.json").write_text("[1, 2]")
    assert terms_in(tmp_path) == SongTerms()


@pytest.mark.parametrize("text", ["/home/alice/songs/", "~/songs", "file:///home/alice/songs", r"C:\Users\alice\songs"])
def test_a_source_on_the_machine_is_its_last_name(text):
    assert source_text(text) == "songs"


def test_a_song_states_its_own_licence_before_its_data_set(tmp_path):
    root = tmp_path / "my songs"
    add_song(root / "train" / "A")
    (add_song(root / "train" / "B") / "LICENSE").write_text("CC0-1.0")
    add_song(root / "valid" / "C")
    (root / "metadata.yaml").write_text("license: CC-BY-4.0\nsource: https://example.org\n")
    (tmp_path / "LICENSE").write_text("of the folder above, which is no part of it")
    terms, faults = read(source_of(root))
    assert terms["A"] == SongTerms("CC-BY-4.0", "https://example.org", "my songs")
    assert terms["B"] == SongTerms("CC0-1.0", "https://example.org", "my songs")
    assert faults == []


def test_the_default_is_for_songs_without_a_statement(tmp_path):
    root = tmp_path / "songs"
    add_song(root / "train" / "A")
    (add_song(root / "train" / "B") / "LICENSE").write_text("CC0-1.0")
    add_song(tmp_path / "more" / "C")
    terms, _ = read(source_of(root, extra=[str(tmp_path / "more")]), "MUSDB18", "academic use only")
    assert terms["A"] == SongTerms("academic use only", None, "MUSDB18")
    assert terms["B"].license == "CC0-1.0"
    assert terms["more/C"] == SongTerms(None, None, "more")


def test_a_table_has_columns_for_licence_and_source(tmp_path):
    add_song(tmp_path / "a")
    rows = [
        {"song": "A", "stem": "vocals", "path": "a/vocals.wav", "license": "CC-BY-4.0", "source": "/home/me/disc"},
        {"song": "A", "stem": "drums", "path": "a/drums.wav", "license": "CC0-1.0", "source": "/home/me/disc"},
        {"song": "", "stem": "drums", "path": "a/drums.wav", "license": "", "source": ""},
    ]
    with (tmp_path / "songs.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    (tmp_path / "LICENSE").write_text("of the table's folder")
    terms, _ = read(source_of(tmp_path / "songs.csv", "table"))
    assert terms["A"] == SongTerms("CC-BY-4.0 AND CC0-1.0", "disc", "songs")
    assert terms["drums/a/drums.wav"] == SongTerms("of the table's folder", None, "songs")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("metadata.json", b"{", "metadata.json is damaged: it is not JSON"),
        ("metadata.json", b'{"license": ["MIT"]}', "license must be text, got a list"),
        ("metadata.yaml", b"license: *x", "metadata.yaml"),
        ("LICENSE", b"\xff\xfe\x00", "LICENSE is damaged: byte 0 is not UTF-8 text"),
        ("LICENSE", b"x" * 2**19, "LICENSE is refused: it has 524,288 bytes"),
    ],
)
def test_a_damaged_file_is_named_and_its_licence_unknown(tmp_path, name, content, reason):
    (add_song(tmp_path / "songs" / "train" / "A") / name).write_bytes(content)
    (tmp_path / "songs" / "LICENSE").write_text("CC0-1.0")
    terms, [fault] = read(source_of(tmp_path / "songs"))
    assert terms["A"].license == "unknown"
    assert reason in fault
    with pytest.raises(InputError):
        terms_in(tmp_path / "songs" / "train" / "A")


def test_a_home_folder_is_not_named(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    add_song(tmp_path / "train" / "A")
    terms, _ = read(source_of(tmp_path))
    assert terms["A"].data_set == "songs"


def test_packs_list_the_licences_of_their_songs(tmp_path):
    root = tmp_path / "songs"
    (add_song(root / "train" / "A") / "LICENSE").write_text("CC0-1.0")
    add_song(root / "valid" / "B")
    source = source_of(root)
    files: list[TrackFiles] = TermsReader(source).with_terms(source.files())
    plan = plan_packs(files, TrackFormat(STEMS, 8000, 2), tmp_path / "pack", (), "auto")
    assert [result.error for result in pack_tracks(plan, 1)] == [None, None]
    by_folder = packed_terms(tmp_path / "pack")
    assert by_folder[tmp_path / "pack" / "train" / "A"] == SongTerms("CC0-1.0", None, "songs")
    assert by_folder[tmp_path / "pack" / "valid" / "B"] == SongTerms(None, None, "songs")
