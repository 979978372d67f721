import sys

import pytest

from bsroformer.data.layouts import musdb18
from bsroformer.errors import InputError


def test_the_official_validation_songs_are_fourteen():
    songs = musdb18.validation_songs()
    assert len(songs) == len(set(songs)) == 14
    assert "Johnny Lokke - Promises & Lies" in songs


def test_the_package_is_not_imported(monkeypatch):
    monkeypatch.delitem(sys.modules, "musdb", raising=False)
    musdb18.validation_songs()
    assert "musdb" not in sys.modules


def test_a_missing_package_is_reported(monkeypatch):
    monkeypatch.setattr(musdb18, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install musdb"):
        musdb18.validation_songs()
