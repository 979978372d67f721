import io
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from rich.console import Console

from bsroformer.cli.commands.prepare.check import MAX_ROWS, check, findings_table, table_rows
from bsroformer.data.doctor import Finding
from bsroformer.errors import InputError
from support.launched import composed, launch

SONGS = ("train/A", "valid/V", "test/T")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Songs of 2 s of noise, without a fault."""
    rng = np.random.default_rng(0)
    for song in SONGS:
        (tmp_path / "set" / song).mkdir(parents=True)
        for stem in ("vocals", "drums"):
            soundfile.write(tmp_path / "set" / song / f"{stem}.wav", rng.normal(0, 0.1, (16_000, 2)), 8000)
    return tmp_path / "set"


def overrides(root: Path, output: Path, *more: str) -> tuple[str, ...]:
    return (
        "action=check",
        "data=folder",
        f"data.root={root}",
        "data.stems=[vocals,drums]",
        "data.seconds=1",
        "audio.sample_rate=8000",
        "workers=1",
        f"output={output}",
        *more,
    )


def checked(root: Path, output: Path, *more: str) -> tuple[int, str, dict]:
    """Exit status, what is printed at 100 columns, and the JSON."""
    console = Console(file=io.StringIO(), width=100, soft_wrap=True, markup=False, highlight=False)
    status = check(composed("prepare", *overrides(root, output, *more)), console)
    return status, console.file.getvalue(), json.loads((output / "check.json").read_text("utf-8"))


def test_a_clean_set_has_no_table_and_status_0(root, tmp_path):
    status, printed, tree = checked(root, tmp_path / "out")
    assert status == 0
    assert "train: 1 song, 0:02: no findings" in printed
    assert "test: 1 song, 0:02: no findings" in printed
    assert (tree["errors"], tree["warnings"], tree["remarks"], tree["findings"]) == (0, 0, 0, [])


def test_the_json_has_the_figures_of_every_stem(root, tmp_path):
    soundfile.write(root / "train" / "A" / "drums.wav", np.full((16_000, 2), 0.5), 8000)
    _, _, tree = checked(root, tmp_path / "out")
    assert [(song["split"], song["song"], song["seconds"]) for song in tree["songs"]] == [
        (*song.split("/"), 2.0) for song in SONGS
    ]
    drums = tree["songs"][0]["stems"]["drums"]
    assert (drums["file"], drums["sample_rate"], drums["channels"], drums["frames"]) == ("drums.wav", 8000, 2, 16_000)
    assert (drums["peak_dbfs"], drums["rms_dbfs"], drums["dc_dbfs"]) == (-6.02, -6.02, -6.02)
    assert (drums["silent_share"], drums["clipped_runs"], drums["not_finite"]) == (0, 0, 0)
    assert tree["songs"][0]["residual_db"] is None
    [finding] = tree["findings"]
    assert (finding["kind"], finding["severity"], finding["song"], finding["stems"]) == (
        "DC offset",
        "warning",
        "A",
        ["drums"],
    )


def test_silence_has_no_level_in_the_json(root, tmp_path):
    soundfile.write(root / "train" / "A" / "drums.wav", np.zeros((16_000, 2)), 8000)
    _, _, tree = checked(root, tmp_path / "out")
    assert tree["songs"][0]["stems"]["drums"]["peak_dbfs"] is None


def test_an_error_gives_status_1_and_a_row_on_training(root, tmp_path):
    (root / "train" / "A" / "drums.wav").unlink()
    status, printed, tree = checked(root, tmp_path / "out")
    assert status == 1
    assert tree["errors"] == 1
    assert "missing: only vocals" in printed
    assert "refuses the data set" in printed
    assert checked(root, tmp_path / "out", "mend=[missing]")[0] == 0


def test_two_workers_find_what_one_does(root, tmp_path):
    soundfile.write(root / "train" / "A" / "drums.wav", np.zeros((16_000, 2)), 8000)
    (root / "test" / "T" / "drums.wav").write_text("not audio")
    one = checked(root, tmp_path / "one")
    two = checked(root, tmp_path / "two", "workers=2")
    assert one[2] == two[2]
    assert one[0] == two[0] == 1


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("mend=[pitch]", r"mend=\[pitch\] must be a list of rate, channels, length and missing"),
        ("workers=0", r"workers=0 must be 1 or more"),
        ("data.root=/nowhere", r"There is no data set folder /nowhere"),
    ],
)
def test_a_wrong_setting_is_refused_before_any_work(root, tmp_path, setting, message):
    with pytest.raises(InputError, match=message):
        checked(root, tmp_path / "out", setting)


def test_the_script_exits_with_the_status(root, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (root / "train" / "A" / "drums.wav").unlink()
    with pytest.raises(SystemExit) as left:
        launch("prepare", *overrides(root, tmp_path / "out"))
    assert left.value.code == 1
    assert "1 error" in capsys.readouterr().out


def clipped(song: str, stem: str, found: str = "3 runs") -> Finding:
    return Finding("clipped", "warning", "train", song, (stem,), found, "uses it unchanged")


def test_findings_of_one_kind_in_the_stems_of_a_song_share_a_row():
    rows = table_rows(
        [clipped("A", "bass"), clipped("A", "drums"), clipped("B", "bass"), clipped("B", "drums", "4 runs")]
    )
    assert [(row.song, row.stems, row.found) for row in rows] == [
        ("A", ("bass", "drums"), "3 runs"),
        ("B", ("bass", "drums"), "bass: 3 runs; drums: 4 runs"),
    ]


def twin(other: str, *stems: str) -> Finding:
    text = f"almost the same audio as train/{other}"
    return Finding("near duplicate", "warning", "train", "C", stems, text, "draws it twice as often as other songs")


def test_a_song_with_several_twins_names_each_stem_once():
    [row] = table_rows([twin("A", "bass", "drums"), twin("B", "bass", "drums")])
    assert row.stems == ("bass", "drums")
    assert row.found == "almost the same audio as train/A; almost the same audio as train/B"
    [row] = table_rows([twin("A", "bass", "drums"), twin("B", "drums")])
    assert row.stems == ("bass", "drums")
    assert row.found == "bass, drums: almost the same audio as train/A; drums: almost the same audio as train/B"


def test_a_long_table_shows_its_first_rows():
    rows = [clipped(f"song {number:02}", "bass") for number in range(MAX_ROWS + 5)]
    assert findings_table(rows).row_count == MAX_ROWS


def test_the_amount_of_each_stem_is_reported(root, tmp_path):
    (root / "train" / "Partial").mkdir()
    rng = np.random.default_rng(1)
    for file in ("bass", "mixture"):
        soundfile.write(root / "train" / "Partial" / f"{file}.wav", rng.normal(0, 0.1, (16_000, 2)), 8000)
    more = ("data.stems=[vocals,drums,bass]", "data.missing=unknown")
    _, printed, tree = checked(root, tmp_path / "out", *more)
    assert "train has of stems: vocals 0:02 in 1, drums 0:02 in 1, bass 0:02 in 1\n" in printed
    assert tree["stems"]["train"]["bass"] == {"songs": 1, "seconds": 2.0}
    assert tree["stems"]["valid"]["bass"] == {"songs": 0, "seconds": 0}
    unknown = [finding for finding in tree["findings"] if finding["kind"] == "unknown"]
    assert [(finding["song"], finding["stems"]) for finding in unknown] == [("Partial", ["vocals", "drums"])]
