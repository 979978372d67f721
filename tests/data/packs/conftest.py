from pathlib import Path

import pytest
from packed_sets import add_song


@pytest.fixture
def root(tmp_path) -> Path:
    for name in ("train/A", "train/B", "valid/V", "test/T"):
        add_song(tmp_path / "set", name)
    return tmp_path / "set"
