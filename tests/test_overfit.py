"""Capacity of the model: one song, overfitted."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_a_song_learned_by_heart_is_separated_above_15_db(tmp_path):
    pytest.importorskip("midirenderer", reason="the demo songs need the extra `demo`")
    command = [sys.executable, ROOT / "scripts" / "train.py", "experiment=overfit_song", "logger=none"]
    subprocess.run([*command, f"paths.output_dir={tmp_path}"], check=True)
    scores = json.loads((tmp_path / "evaluation" / "results.json").read_text("utf-8"))["methods"][1]["scores"]
    assert all(stem["SI-SDR"] > 15 for stem in scores.values()), scores
