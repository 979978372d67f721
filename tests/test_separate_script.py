"""``scripts/separate.py`` as a user runs it: long files, many files, errors."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from bsroformer.audio.files import probe, read, write
from bsroformer.checkpoints.save import save_model
from support.launched import REPOSITORY, Script, files_in
from support.long_songs import RATE, record, small_model
from support.warm import Running, environment, started, started_ranks

SCRIPT = str(REPOSITORY / "scripts" / "separate.py")
PLAINLY = ("device=cpu", "precision=fp32")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("model") / "small.safetensors"
    save_model(small_model(), path)
    return path


@pytest.fixture
def music(tmp_path) -> Path:
    for name in ("a.wav", "B/c.flac", "B/d é (live).wav"):
        record(tmp_path / "music" / name, seconds=2)
    return tmp_path / "music"


def run(*command: str, cwd: Path) -> tuple[int, str]:
    """Run Python with these arguments; return exit status and output."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, done.stdout


def running(*overrides: str, cwd: Path) -> Running:
    return started("separate", *PLAINLY, *overrides, cwd=cwd)


@pytest.fixture
def separated(script: Script) -> Callable[..., str]:
    """Run the script in this process in an empty folder and return its output."""

    def separated(*overrides: str, status: int = 0) -> str:
        ended, printed = script("separate", *PLAINLY, *overrides)
        assert ended == status, printed
        assert "Traceback" not in printed
        return printed

    return separated


def stems(*songs: str, suffix: str = "wav") -> set[str]:
    return {f"{song}/{stem}.{suffix}" for song in songs for stem in ("vocals", "other")}


def test_separation_does_not_import_slow_unused_libraries():
    heavy = {"lightning", "torchmetrics", "wandb", "matplotlib", "scipy.signal"}
    program = f"import sys, bsroformer.cli.commands.separate.command; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=True)


def test_a_folder_is_separated_past_bad_and_finished_songs(separated, checkpoint, music, tmp_path):
    (music / "B" / "bad.wav").write_text("Dear diary")
    words = f"ckpt={checkpoint}", "input=music", "output=out"
    printed = separated(*words, status=2)
    songs = "a", "B/c", "B/d é (live)"
    assert files_in(tmp_path / "out") == stems(*songs)
    assert "3 of 4 songs separated: 0:06 of music" in printed
    assert "error: music/B/bad.wav is not an audio file" in printed
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.wav")}
    printed = separated(*words, status=2)
    assert "Skipping 3 songs already separated with these settings" in printed
    assert {path: path.stat().st_mtime_ns for path in before} == before
    (music / "B" / "bad.wav").unlink()
    (tmp_path / "out" / "a" / "other.wav").unlink()
    printed = separated(*words)
    assert "Skipping 2 songs" in printed and "vocals, other are in out/a (0:02" in printed
    assert files_in(tmp_path / "out") == stems(*songs)
    assert "Skipping" not in separated(*words, "overwrite=true")
    assert "Skipping" not in separated(*words, "overlap=0.25")  # other settings, other stems


def test_a_list_a_pattern_and_the_input_folder_itself_as_output(separated, checkpoint, music, tmp_path):
    words = f"ckpt={checkpoint}", "input=[music/a.wav,'music/B/*.wav']", "output=out", "format=flac"
    separated(*words)
    assert files_in(tmp_path / "out") == stems("a", "B/d é (live)", suffix="flac")
    before = files_in(music)
    for _ in range(2):
        separated(f"ckpt={checkpoint}", "input=music", "output=music")
        assert files_in(music) == before | stems("a", "B/c", "B/d é (live)")


def test_two_stems_sum_to_the_song_within_quantisation(separated, checkpoint, music, tmp_path):
    separated(f"ckpt={checkpoint}", "input=music/a.wav", "output=out", "two_stems=other")
    assert files_in(tmp_path / "out") == {"a/other.wav", "a/no_other.wav"}
    total = read(tmp_path / "out" / "a" / "other.wav")[0] + read(tmp_path / "out" / "a" / "no_other.wav")[0]
    assert torch.equal(total, read(music / "a.wav")[0])
    assert probe(tmp_path / "out" / "a" / "other.wav").codec == "PCM_16"


def test_checkpoints_are_averaged_with_weights(separated, checkpoint, music, tmp_path):
    torch.manual_seed(1)
    save_model(small_model(), tmp_path / "second.safetensors")
    both = f"ckpt=[{checkpoint},second.safetensors]"
    song = "input=music/a.wav", "bit_depth=float"
    separated(f"ckpt={checkpoint}", *song, "output=first")
    separated("ckpt=second.safetensors", *song, "output=second")
    separated(both, *song, "output=mean", "weights={vocals:[1,3]}")
    first, second, mean = (
        {stem: read(tmp_path / name / "a" / f"{stem}.wav")[0] for stem in ("vocals", "other")}
        for name in ("first", "second", "mean")
    )
    torch.testing.assert_close(mean["vocals"], 0.25 * first["vocals"] + 0.75 * second["vocals"])
    torch.testing.assert_close(mean["other"], 0.5 * first["other"] + 0.5 * second["other"])


def test_one_sample_silence_and_a_constant_are_separated(separated, checkpoint, tmp_path):
    for name, audio in {
        "one": torch.ones(2, 1) / 2,
        "silence": torch.zeros(2, 9000),
        "dc": torch.ones(2, 9000),
    }.items():
        write(tmp_path / "odd" / f"{name}.wav", audio, RATE)
    separated(f"ckpt={checkpoint}", "input=odd", "output=out", "residual=true")
    for name, length in {"one": 1, "silence": 9000, "dc": 9000}.items():
        parts = torch.stack([read(path)[0] for path in (tmp_path / "out" / name).iterdir()])
        assert parts.shape == (3, 2, length)
        torch.testing.assert_close(parts.sum(dim=0), read(tmp_path / "odd" / f"{name}.wav")[0], rtol=0, atol=1e-6)
        assert parts.any() == (name != "silence")


def test_a_truncated_file_is_separated_with_a_warning(separated, checkpoint, music, tmp_path):
    song = music / "a.wav"
    song.write_bytes(song.read_bytes()[: song.stat().st_size // 2])
    printed = separated(f"ckpt={checkpoint}", "input=music/a.wav", "output=out")
    assert "music/a.wav is cut off or damaged: of the 16000 samples in its header, 7994 could be read" in printed
    assert probe(tmp_path / "out" / "a" / "vocals.wav").frames == 7994


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["stems=[piano]"], "name one or more of the model's stems vocals, other"),
        (["two_stems=vocals", "residual=true"], "remove stems and residual"),
        (["format=aiff"], "format=aiff must be one of wav, flac"),
        (["input=[]"], "input=[] must be a path or a list of paths"),
        (["input=empty"], "no audio file in the folder empty"),
        (["output=out", "shard.count=2", "shard.index=2"], "shard.index=2 must be from 0 to"),
        (["precision=fp16"], "precision=fp16 needs a GPU"),
        (["precision=int8"], "precision=int8 must be one of auto, fp32, bf16, fp16"),
        (["engine=openvino", "device=cuda"], "engine=openvino computes on the CPU"),
        (["weights=[1,2]"], "one number for each of 1 checkpoint"),
        (["weights=abc"], "weights=abc must be a list"),
        (["tta=mirror"], "tta=mirror must be a list of channel_swap and polarity"),
        (["overlap=abc"], "overlap=abc must be a number"),
        (["batch_size=1.5"], "batch_size=1.5 must be a whole number"),
        (["shifts=null"], "shifts=null must be a whole number"),
        (["shifts=1000000000"], "shifts=1000000000 must be at most 1000"),
        (["chunk_seconds=1e30"], "chunk_seconds=1e+30 must be"),
        (["bitrate=abc"], "bitrate=abc must be a whole number"),
        (["overwrite=flase"], "overwrite=flase must be true or false"),
        (["device=null"], "device=null must be auto, cpu, mps"),
        (["stems=[1]"], "stems=[1] must be a word or a list of words"),
        (["output=music/a.wav"], "music/a.wav/a cannot be written"),
    ],
)
def test_invalid_settings_are_reported_and_nothing_is_written(
    separated, checkpoint, music, tmp_path, overrides, message
):
    (tmp_path / "empty").mkdir()
    printed = separated(f"ckpt={checkpoint}", "input=music/a.wav", *overrides, status=2)
    assert printed.startswith("error: ") and printed.count("\n") == 1
    assert message in printed
    assert not (tmp_path / "out").exists() or not files_in(tmp_path / "out")


def wait_for(pattern: str, folder: Path, script: Running) -> None:
    while not list(folder.rglob(pattern)):
        assert script.process.is_alive(), script.ended()
        time.sleep(0.02)


@pytest.mark.parametrize("rescale", ["true", "false"])
def test_a_killed_run_leaves_no_stem_and_the_next_one_completes(separated, checkpoint, tmp_path, rescale):
    record(tmp_path / "long.wav", seconds=300)
    words = f"ckpt={checkpoint}", "input=long.wav", "output=out", f"rescale={rescale}"
    script = running(*words, cwd=tmp_path)
    wait_for("*.part", tmp_path / "out", script)
    script.send(signal.SIGKILL)
    script.ended()
    left = [path.name for path in (tmp_path / "out" / "long").iterdir()]
    assert left and all(name.startswith(".") and name.endswith(".part") for name in left)
    assert "Skipping" not in separated(*words)
    assert files_in(tmp_path) == {"long.wav"} | {f"out/{stem}" for stem in stems("long")}
    assert probe(tmp_path / "out" / "long" / "vocals.wav").frames == 300 * RATE


def test_ctrl_c_reports_the_remedy_and_leaves_no_stem(checkpoint, tmp_path):
    record(tmp_path / "long.wav", seconds=300)
    script = running(f"ckpt={checkpoint}", "input=long.wav", "output=out", cwd=tmp_path)
    wait_for("*.part", tmp_path / "out", script)
    script.send(signal.SIGINT)
    status, printed = script.ended()
    assert status == 130
    assert "Stopped with 1 song left; the same command continues" in printed
    assert "Traceback" not in printed
    assert files_in(tmp_path) == {"long.wav"}


MEASURED = """
import resource, runpy, sys
from pathlib import Path
limit, sys.argv = int(sys.argv[1]), sys.argv[2:]
if limit:
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as ended:
    assert not ended.code
fields = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
print("MEMORY", *(1024 * int(fields[name].split()[0]) for name in ("VmData", "VmHWM")))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_an_hour_takes_no_more_memory_than_two_minutes(checkpoint, tmp_path):
    """The operating system limits the hour to a fifth more than two minutes took."""
    memory = {}
    for minutes in (2, 60):
        record(tmp_path / f"{minutes}.wav", seconds=60 * minutes)
        limit = round(memory[2][0] + 0.2 * memory[2][1]) if memory else 0
        words = f"ckpt={checkpoint}", f"input={minutes}.wav", "output=out", "overlap=0.25", "residual=true"
        status, printed = run("-c", MEASURED, str(limit), SCRIPT, *PLAINLY, *words, cwd=tmp_path)
        assert status == 0, printed
        assert "Traceback" not in printed
        memory[minutes] = [int(value) for value in printed.rpartition("MEMORY ")[2].split()]
        assert probe(tmp_path / "out" / str(minutes) / "vocals.wav").frames == 60 * minutes * RATE
    print(memory)
    assert memory[60][1] <= 1.2 * memory[2][1]
    of_the_mixture = 60 * 60 * RATE * 2 * 4
    assert 0.2 * memory[2][1] < of_the_mixture  # or the limit would not notice that it is held whole


def test_other_files_are_replaced_only_with_overwrite(separated, checkpoint, music, tmp_path):
    mine = tmp_path / "out" / "a" / "vocals.wav"
    mine.parent.mkdir(parents=True)
    mine.write_text("a take of my own")
    words = f"ckpt={checkpoint}", "input=music/a.wav", "output=out"
    assert "out/a/vocals.wav exists and was not written by this program" in separated(*words, status=2)
    assert mine.read_text() == "a take of my own"
    separated(*words, "overwrite=true")
    assert probe(mine).frames == 2 * RATE


def test_stems_are_never_songs_under_any_settings(separated, checkpoint, music):
    for settings in ([], ["two_stems=vocals"], ["format=flac"]):
        printed = separated(f"ckpt={checkpoint}", "input=.", "output=music/stems", *settings)
        assert "3 of 3 songs separated" in printed


def test_two_processes_on_one_collection_keep_all_stems(checkpoint, tmp_path):
    for name in ("a", "b", "c"):
        record(tmp_path / "music" / f"{name}.wav", seconds=60)
    both = [running(f"ckpt={checkpoint}", "input=music", "output=out", cwd=tmp_path) for _ in range(2)]
    ended = [script.ended() for script in both]
    assert [status for status, _ in ended] == [0, 0], ended
    assert files_in(tmp_path / "out") == stems("a", "b", "c")


def test_a_song_of_any_kind_of_damage_does_not_stop_the_others(separated, checkpoint, music, tmp_path):
    (music / "B" / "zeros.mp3").write_bytes(bytes(100_000))
    (music / "B" / "noise.mp3").write_bytes(np.random.default_rng(0).bytes(100_000))
    with soundfile.SoundFile(music / "B" / "latin.wav", "w", RATE, 2) as file:
        file.title = "T" * 8
        file.write(np.zeros((RATE, 2)))
    latin = (music / "B" / "latin.wav").read_bytes()
    (music / "B" / "latin.wav").write_bytes(latin.replace(b"T" * 8, "Más allá".encode("latin-1")))
    odd = os.fsencode(music) + b"/odd \xff\xfe.wav"
    os.link(music / "a.wav", odd)
    printed = separated(f"ckpt={checkpoint}", "input=music", "output=out", status=2)
    assert "5 of 7 songs separated" in printed
    assert printed.count("\nerror: ") == 2
    assert {"B/latin/vocals.wav", "a/vocals.wav"} < files_in(tmp_path / "out")


LIMITED = """
import resource, runpy, sys
from hydra.core.global_hydra import GlobalHydra
script, *words = sys.argv[1:]
for suffix in ("wav", "flac", "mp3", "ogg", "m4a"):
    for limit in (0, 9_000, 20_000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        print(f"LIMIT .{suffix}")
        sys.argv = [script, *words, f"format={suffix}"]
        try:
            runpy.run_path(script, run_name="__main__")
        except SystemExit as ended:
            assert ended.code == 2
        GlobalHydra.instance().clear()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_full_disk_is_reported_and_no_partial_stem_remains(checkpoint, tmp_path):
    """A file size limit acts like a full disk, on which libraries behave differently."""
    record(tmp_path / "a.wav", seconds=3)
    words = SCRIPT, *PLAINLY, f"ckpt={checkpoint}", "input=a.wav", "output=out"
    status, whole = run("-c", LIMITED, *words, cwd=tmp_path)
    assert status == 0, whole
    assert "Traceback" not in whole
    before, *printed = whole.split("LIMIT ")
    assert (before, len(printed)) == ("", 15)
    for each in printed:
        suffix, _, message = each.partition("\n")
        assert f"{suffix} cannot be written" in message
    assert files_in(tmp_path) == {"a.wav"}


TWO_PROCESSES = "-m", "torch.distributed.run", "--nproc-per-node", "2", SCRIPT, *PLAINLY
TWO_JOBS = "shard.count=2", "shard.index=0,1", "-m"


@pytest.mark.parametrize("way", ["torchrun", pytest.param("sweep", marks=pytest.mark.slow)])
def test_a_bad_song_of_one_process_does_not_stop_the_others(script, checkpoint, music, tmp_path, way):
    (music / "0 bad.wav").write_text("Dear diary")
    record(music / "1 long.wav", seconds=120)
    words = f"ckpt={checkpoint}", "input=music", "output=out"
    if way == "torchrun":
        status, printed = run(*TWO_PROCESSES, *words, cwd=tmp_path)
    else:
        status, printed = script("separate", *PLAINLY, *words, *TWO_JOBS)
    assert status != 0
    assert printed.count("error: ") >= 1
    assert stems("1 long", "a", "B/c", "B/d é (live)") <= files_in(tmp_path / "out")


def test_ranks_share_a_collection_out(checkpoint, music, tmp_path):
    words = *PLAINLY, f"ckpt={checkpoint}", "input=music", "output=out"
    ended = [rank.ended() for rank in started_ranks(2, "separate", *words, cwd=tmp_path)]
    printed = "".join(output for _, output in ended)
    assert [status for status, _ in ended] == [0, 0], printed
    assert "Traceback" not in printed
    assert files_in(tmp_path / "out") == stems("a", "B/c", "B/d é (live)")
    assert printed.count("vocals, other are in out/") == 3
    assert "2 of 2 songs separated" in printed


@pytest.mark.slow
def test_a_sweep_shares_a_collection_out(separated, checkpoint, music, tmp_path):
    separated(f"ckpt={checkpoint}", "input=music", "output=out", *TWO_JOBS)
    assert stems("a", "B/c", "B/d é (live)") <= files_in(tmp_path / "out")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such terminals")
def test_no_bar_is_drawn_for_a_file_that_cannot_be_opened(checkpoint, tmp_path):
    import pty

    record(tmp_path / "a.wav", seconds=2)
    leader, follower = pty.openpty()
    command = [sys.executable, SCRIPT, *PLAINLY, f"ckpt={checkpoint}", "input=[a.wav,gone.wav]"]
    subprocess.run(command, cwd=tmp_path, env=environment(), stdout=follower, stderr=follower, check=False)
    printed = os.read(leader, 2**16).decode()
    os.close(leader)
    os.close(follower)
    assert "1/2 a.wav" in printed
    assert "gone.wav" in printed.rpartition("error:")[2]
    assert "2/2 gone.wav" not in printed


def test_jobs_of_a_sweep_over_settings_keep_their_stems_apart(separated, checkpoint, music, tmp_path):
    separated("-m", f"ckpt={checkpoint}", "input=music/a.wav", "overlap=0.25,0.5")
    assert files_in(tmp_path / "separated") == stems("0/a", "1/a")


def test_shards_share_the_default_folder_and_can_be_resumed(separated, checkpoint, music, tmp_path):
    for shard in (0, 1):
        separated(f"ckpt={checkpoint}", "input=music", f"shard.index={shard}", "shard.count=2")
    assert files_in(tmp_path / "separated") == stems("a", "B/c", "B/d é (live)")
    assert "Skipping 3 songs" in separated(f"ckpt={checkpoint}", "input=music")


def test_stems_are_separated_again_in_another_precision(separated, checkpoint, music):
    words = f"ckpt={checkpoint}", "input=music/a.wav"
    separated(*words)
    assert "Skipping" in separated(*words, "batch_size=2")
    assert "Skipping" not in separated(*words, "precision=bf16")
