import pytest
from stand_ins import Halves


@pytest.fixture
def halves() -> Halves:
    return Halves()
