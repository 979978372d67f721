from pathlib import Path

import pytest
from damaged_songs import write_set


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data set without a fault."""
    return write_set(tmp_path / "set")
