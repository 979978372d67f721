"""Damaged files of a run do not prevent a resume."""

import json

import pytest

from bsroformer.report.metrics_csv import read_rows
from bsroformer.training.fault_records import read_whole_lines
from support.launched import SMALL_RUN, launch

pytestmark = [pytest.mark.usefixtures("without_pictures"), pytest.mark.filterwarnings("ignore")]
FAULT = {"step": 1, "rank": 0, "gradient_norm": "nan", "losses": [], "seed": 0, "excerpts": [[0, 1]], "at_fault": True}


def test_a_run_with_damaged_files_resumes_with_warnings(songs_root, tmp_path, capsys):
    run = *SMALL_RUN, "~callbacks.previews", f"data.root={songs_root}", f"paths.output_dir={tmp_path}"
    launch("train", *run)
    metrics = tmp_path / "metrics.csv"
    metrics.write_bytes(metrics.read_bytes() + b"3,caf\xe9" + b"\0" * 100)
    whole = json.dumps(FAULT)
    (tmp_path / "faults.jsonl").write_bytes(
        f"{whole}\n".encode() + b'{"step": "on',
    )
    (tmp_path / "run.json").write_text("[" * 5000)
    capsys.readouterr()
    launch("train", *run, f"ckpt_path={tmp_path}/checkpoints/last.ckpt", "trainer.max_steps=3")
    printed = " ".join(capsys.readouterr().out.split())
    for name, lost in (("metrics.csv", "1 of its lines"), ("faults.jsonl", "1 of its lines"), ("run.json", "nests")):
        assert f"{tmp_path / name} is" in printed
        assert lost in printed
        assert (tmp_path / name.replace(".", ".damaged.")).exists()
    assert {2, 3} <= read_rows(metrics).keys()
    assert (tmp_path / "faults.jsonl").read_text() == f"{whole}\n"
    assert len(json.loads((tmp_path / "run.json").read_text())["starts"]) == 1


@pytest.mark.parametrize(
    "line",
    [b"", b"[]", b"3", b"caf\xe9", b"[" * 9999, *(json.dumps(FAULT | {key: "odd"}).encode() for key in
     ("step", "seed", "excerpts", "at_fault")), json.dumps(FAULT | {"excerpts": [[1]]}).encode()],
)  # fmt: skip
def test_a_damaged_line_of_faults_is_skipped(tmp_path, line):
    path = tmp_path / "faults.jsonl"
    path.write_bytes(json.dumps(FAULT).encode() + b"\n" + line + b"\n")
    assert read_whole_lines(path) == ([FAULT], 1)
