import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from run_folders import fuzz

from support.launched import SMALL_RUN, launch


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.filterwarnings("ignore")
def test_mutated_files_of_a_run_are_refused_in_a_sentence(songs_root, tmp_path):
    quiet = "~callbacks.previews", "~callbacks.report", "~callbacks.progress"
    launch("train", *SMALL_RUN, *quiet, f"data.root={songs_root}", f"paths.output_dir={tmp_path}/run")
    refused, faults = fuzz(tmp_path / "run", 100, 0, tmp_path / "mutated")
    assert faults == []
    assert refused > 20
