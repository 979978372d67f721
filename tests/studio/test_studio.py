import json
import shutil
import time
from collections import namedtuple
from functools import partial
from threading import Event

import pytest
import soundfile
import torch

from bsroformer.audio.files import read
from bsroformer.errors import InputError
from bsroformer.studio import admission
from bsroformer.studio.admission import TimedCalls
from bsroformer.studio.job import LATE_REQUEST_SECONDS
from bsroformer.studio.limits import Limits
from bsroformer.studio.studio import ABANDONED_SECONDS, REOPEN_SECONDS
from bsroformer.studio.workspace import KEEP_FREE
from support.studio.studios import OPTION, RATE, finished, request_for, song_in, studio_in, wait_until

Disk = namedtuple("Disk", "total used free")


@pytest.fixture
def song(tmp_path):
    return song_in(tmp_path)


def test_stems_are_written_at_the_songs_own_rate_and_depth(song, tmp_path):
    with studio_in(tmp_path) as (studio, _):
        job = finished(studio.submit(request_for(song, rest=True)))
        assert (job.state, job.message, job.notes) == ("done", None, [])
        assert [path.name for path in job.files] == ["vocals.wav", "drums.wav", "residual.wav"]
        assert {soundfile.info(path).subtype for path in job.files} == {"PCM_16"}
        mixture, stems = read(song)[0], torch.stack([read(path)[0] for path in job.files])
        torch.testing.assert_close(stems[0], mixture / 4, atol=2**-15, rtol=0)
        torch.testing.assert_close(stems.sum(dim=0), mixture, atol=2**-14, rtol=0)


def test_the_request_reaches_the_model(song, tmp_path):
    with studio_in(tmp_path) as (studio, model):
        job = finished(studio.submit(request_for(song, stems=("drums",), rest=True, overlap=0.75, shifts=2)))
        assert model.asked.get_nowait() == ("small", ("drums",), 0.75, 2)
        assert [path.stem for path in job.files] == ["drums", "no_drums"]


def test_the_status_is_plain_data(song, tmp_path):
    with studio_in(tmp_path) as (studio, _):
        job = finished(studio.submit(request_for(song)))
        facts = studio.status(job)
        assert json.loads(json.dumps(facts)) == facts
        assert (facts["state"], facts["done"], facts["total"], facts["seconds"]) == ("done", 12.0, 12.0, 12.0)
        assert facts["segments"] == 3
        assert [track["name"] for track in facts["tracks"]] == ["mixture", "vocals", "drums"]
        assert 0 < facts["expires"] <= 3600


def test_formats_support_the_songs_rate(tmp_path):
    soundfile.write(tmp_path / "fine.wav", 0.1 * torch.randn(96_000, 2).numpy(), 96_000)
    with studio_in(tmp_path) as (studio, _):
        facts = studio.status(finished(studio.submit(request_for(tmp_path / "fine.wav"))))
        assert (facts["sample_rate"], facts["formats"]) == (8000, ["wav", "flac"])


def test_waiting_songs_have_a_position_and_a_time(song, tmp_path):
    with studio_in(tmp_path) as (studio, model):
        finished(studio.submit(request_for(song)))
        model.open.clear()
        first = studio.submit(request_for(song))
        wait_until(lambda: first.state == "separating")
        second, third = studio.submit(request_for(song)), studio.submit(request_for(song, overlap=0.75))
        reports = [studio.status(job) for job in (first, second, third)]
        assert [facts["place"] for facts in reports] == [0, 1, 2]
        assert reports[0]["wait"] is None
        assert 0 < reports[1]["wait"] < reports[2]["wait"]
        model.open.set()
        assert [finished(job).state for job in (first, second, third)] == ["done"] * 3


def test_unknown_times_are_none(song, tmp_path):
    with studio_in(tmp_path) as (studio, model):
        model.open.clear()
        first, second = studio.submit(request_for(song)), studio.submit(request_for(song))
        wait_until(lambda: first.state == "separating")
        assert studio.status(second)["wait"] is None
        assert studio.status(first)["left"] is None
        model.open.set()
        finished(second)


def test_cancelling_a_song_starts_the_next_one(song, tmp_path):
    with studio_in(tmp_path) as (studio, model):
        model.open.clear()
        first, second = studio.submit(request_for(song)), studio.submit(request_for(song))
        wait_until(lambda: first.state == "separating")
        studio.cancel(first)
        model.open.set()
        assert finished(first).state == "cancelled"
        assert not list((first.folder / "stems").glob("*"))
        assert finished(second).state == "done"


def test_a_queued_song_is_cancelled_at_once(song, tmp_path):
    with studio_in(tmp_path) as (studio, model):
        model.open.clear()
        first, second = studio.submit(request_for(song)), studio.submit(request_for(song))
        wait_until(lambda: first.state == "separating")
        studio.cancel(second)
        assert second.state == "cancelled"
        model.open.set()
        assert finished(first).state == "done"


def test_cancelling_a_finished_song_changes_nothing(song, tmp_path):
    with studio_in(tmp_path) as (studio, _):
        job = finished(studio.submit(request_for(song)))
        studio.cancel(job)
        assert job.state == "done"
        assert all(path.exists() for path in job.files)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"checkpoint": "large"}, r"unknown checkpoint large; choose one of small"),
        ({"stems": ()}, r"choose one or more of the stems vocals, drums"),
        ({"stems": ("bass",)}, r"choose one or more"),
        ({"stems": ("vocals", "vocals")}, r"each once"),
        ({"overlap": 0.99}, r"overlap must be a number from .*, got 0\.99"),
        ({"shifts": 100}, r"shifts must be a whole number from .*, got 100"),
    ],
)
def test_invalid_requests_leave_nothing_behind(song, tmp_path, changes, message):
    with studio_in(tmp_path) as (studio, _):
        with pytest.raises(InputError, match=message):
            studio.submit(request_for(song, **changes))
        assert list(studio.workspace.songs.iterdir()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"rest": "x"},
        {"rest": []},
        {"rest": -1},
        {"rest": None},
        {"stems": [["vocals"]]},
        {"stems": {}},
        {"stems": "vocals"},
        {"stems": 3},
        {"stems": [None]},
        {"checkpoint": ["small"]},
        {"checkpoint": {}},
        {"checkpoint": None},
        {"overlap": "0.5"},
        {"overlap": []},
        {"shifts": True},
        {"shifts": {}},
    ],
)
def test_a_value_of_the_wrong_type_is_refused(song, tmp_path, changes):
    [(key, value)] = changes.items()
    with studio_in(tmp_path) as (studio, _):
        with pytest.raises(InputError, match=rf"^{key} must be .*, got ") as refused:
            studio.submit(request_for(song, **changes))
        assert repr(value) in str(refused.value)
        assert studio._jobs == {}
        assert list(studio.workspace.songs.iterdir()) == []


def test_long_values_are_shortened_in_messages(song, tmp_path):
    with studio_in(tmp_path) as (studio, _):
        for changes in ({"rest": "x" * 10**5}, {"stems": [[0] * 10**5] * 3}, {"checkpoint": "x" * 10**5}):
            with pytest.raises(InputError) as refused:
                studio.submit(request_for(song, **changes))
            assert len(str(refused.value)) < 300


def test_a_file_that_is_slow_to_read_is_refused_and_deleted(tmp_path, monkeypatch):
    reading, seconds = Event(), admission.PROBE_TIMEOUT_S
    monkeypatch.setattr(admission, "TimedCalls", partial(TimedCalls, 0.2))
    with studio_in(tmp_path) as (studio, _):
        upload = song_in(studio.workspace.uploads, 1)
        monkeypatch.setattr(Limits, "length_of", lambda *_: reading.wait(seconds))
        with pytest.raises(InputError, match=r"^A song\.wav takes too long to read"):
            studio.submit(request_for(upload))
        assert not upload.exists()
        reading.set()


def test_each_visitor_has_a_share_of_the_queue(song, tmp_path):
    with studio_in(tmp_path, Limits(songs=4, songs_each=2)) as (studio, model):
        model.open.clear()
        mine = [studio.submit(request_for(song, visitor="anna")) for _ in range(2)]
        with pytest.raises(InputError, match=r"^2 of your songs are in the queue"):
            studio.submit(request_for(song, visitor="anna"))
        another = studio.submit(request_for(song, visitor="anna"), replaces=mine[1])
        assert studio.submit(request_for(song, visitor="ben")).state == "waiting"
        model.open.set()
        assert finished(another).state == "done"
        assert finished(studio.submit(request_for(song, visitor="anna"))).state == "done"


def test_a_song_claims_space_for_its_stems_until_it_ends(song, tmp_path, monkeypatch):
    stems = 12 * RATE * 2 * 5 * 3  # seconds, rate, channels, bytes, two stems and the mixture
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Disk(10**12, 0, KEEP_FREE + 1.5 * stems))
    with studio_in(tmp_path) as (studio, model):
        model.open.clear()
        first = studio.submit(request_for(song))
        with pytest.raises(InputError, match=r"^the disk is too full for the stems of A song\.wav"):
            studio.submit(request_for(song))
        model.open.set()
        finished(first)
        assert finished(studio.submit(request_for(song))).state == "done"


@pytest.mark.parametrize(
    ("limits", "free", "times", "message"),
    [
        (Limits(minutes=0.2), 10, 1, "A song.wav is longer than 0.2 minutes, the limit for a song; cut it"),
        (Limits(minutes=0.5), 10, 64, "A song.wav is too long to compute each sample 64 times"),
        (Limits(), 0.4, 1, "the disk is too full for the rest of A song.wav"),
    ],
)
def test_a_song_longer_than_its_header_says_is_stopped(tmp_path, monkeypatch, limits, free, times, message):
    """The header says 1 s; the audio beyond it stops at the limits, mostly unwritten."""
    song = song_in(tmp_path, seconds=30)
    disk = Disk(10**12, 0, 10 * KEEP_FREE)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: disk)
    with studio_in(tmp_path, limits) as (studio, model):
        model.open.clear()
        monkeypatch.setattr(Limits, "length_of", lambda *_: 1.0)
        job = studio.submit(request_for(song, overlap=0.875 if times > 1 else 0, shifts=max(1, times // 8)))
        disk = Disk(10**12, 0, free * KEEP_FREE)
        model.open.set()
        assert finished(job).state == "failed"
        assert (job.message or "").startswith(message)
        assert not list(job.folder.rglob("*.wav"))


def test_messages_have_the_visitors_file_name(tmp_path):
    notes = tmp_path / "0123456789abcdef.mp3"
    notes.write_text("not a song")
    with studio_in(tmp_path) as (studio, _):
        with pytest.raises(InputError, match=r"notes\.mp3") as refused:
            studio.submit(request_for(notes, title="notes"))
        assert str(tmp_path) not in str(refused.value)


def test_a_rate_that_cannot_be_resampled_is_refused(tmp_path):
    soundfile.write(tmp_path / "odd.wav", torch.zeros(96_001, 2).numpy(), 96_001)
    with studio_in(tmp_path) as (studio, _):
        with pytest.raises(InputError, match=r"96001 Hz cannot be resampled to 8000 Hz"):
            studio.submit(request_for(tmp_path / "odd.wav"))
        assert list(studio.workspace.songs.iterdir()) == []


def test_a_song_too_many_is_refused_and_leaves_nothing(song, tmp_path):
    with studio_in(tmp_path, Limits(songs=2)) as (studio, model):
        model.open.clear()
        taken = [studio.submit(request_for(song)) for _ in range(2)]
        with pytest.raises(InputError, match=r"^2 songs are in the queue"):
            studio.submit(request_for(song))
        assert {path.name for path in studio.workspace.songs.iterdir()} == {job.token for job in taken}
        model.open.set()
        finished(taken[1])
        assert finished(studio.submit(request_for(song))).state == "done"


def test_a_song_that_turns_out_too_long_is_ended(tmp_path, monkeypatch):
    song = song_in(tmp_path, seconds=30)
    with studio_in(tmp_path, Limits(minutes=0.2)) as (studio, _):
        monkeypatch.setattr(Limits, "length_of", lambda *_: None)  # as with a header without a length
        job = finished(studio.submit(request_for(song)))
        assert (job.state, job.message) == (
            "failed",
            "A song.wav is longer than 0.2 minutes, the limit for a song; cut it",
        )
        assert job.files == ()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (InputError("the stems are NaN"), r"the stems are NaN"),
        (MemoryError(), r"server is out of memory"),
        (ZeroDivisionError("secret"), r"Internal error"),
    ],
)
def test_errors_are_reported_and_the_next_song_is_separated(song, tmp_path, error, message):
    with studio_in(tmp_path) as (studio, model):
        model.error = error
        job = finished(studio.submit(request_for(song)))
        assert job.state == "failed"
        assert message.replace(r"\.", ".") in (job.message or "")
        assert "secret" not in (job.message or "")
        model.error = None
        assert finished(studio.submit(request_for(song))).state == "done"


def test_an_abandoned_song_is_cancelled(song, tmp_path):
    with studio_in(tmp_path) as (studio, model):
        model.open.clear()
        first, second = studio.submit(request_for(song)), studio.submit(request_for(song))
        wait_until(lambda: first.state == "separating")
        first.last_seen = time.monotonic() + ABANDONED_SECONDS
        studio.clean_up(time.monotonic() + ABANDONED_SECONDS + 1)
        assert second.state == "cancelled"
        assert "page was closed" in (second.message or "")
        assert not first.cancelled
        model.open.set()
        finished(first)


def test_an_abandoned_song_stays_while_no_other_waits(song, tmp_path):
    with studio_in(tmp_path) as (studio, model):
        model.open.clear()
        job = studio.submit(request_for(song))
        wait_until(lambda: job.state == "separating")
        studio.clean_up(time.monotonic() + ABANDONED_SECONDS + 1)
        assert not job.cancelled
        model.open.set()
        assert finished(job).state == "done"


def test_a_closed_page_has_a_while_to_reconnect(song, tmp_path):
    with studio_in(tmp_path) as (studio, model):
        model.open.clear()
        first, second, third = (studio.submit(request_for(song)) for _ in range(3))
        wait_until(lambda: first.state == "separating")
        for job in (second, third):
            studio.page_closed(job)
        studio.clean_up(time.monotonic() + REOPEN_SECONDS - 5)
        assert (second.state, third.state) == ("waiting", "waiting")
        second.last_seen = time.monotonic()
        studio.clean_up(time.monotonic() + REOPEN_SECONDS + 5)
        assert (second.state, third.state) == ("waiting", "cancelled")
        model.open.set()
        finished(second)


def test_late_requests_of_a_closed_page_do_not_count(song, tmp_path):
    with studio_in(tmp_path) as (studio, model):
        model.open.clear()
        job = studio.submit(request_for(song))
        studio.page_closed(job)
        then = job.last_seen
        job.touch()
        assert job.last_seen == then
        job.closed_at -= LATE_REQUEST_SECONDS
        job.touch()
        assert job.last_seen > then + ABANDONED_SECONDS - REOPEN_SECONDS


def test_a_visitor_can_replace_a_song_in_a_full_queue(song, tmp_path):
    with studio_in(tmp_path, Limits(songs=2)) as (studio, model):
        model.open.clear()
        first, mine = (studio.submit(request_for(song)) for _ in range(2))
        another = studio.submit(request_for(song), replaces=mine)
        assert (mine.state, another.state) == ("cancelled", "waiting")
        assert [studio.status(job)["successor"] for job in (mine, another)] == [another.token, None]
        with pytest.raises(InputError, match=r"^choose one or more"):
            studio.submit(request_for(song, stems=()), replaces=another)
        assert another.state == "waiting"
        model.open.set()
        assert [finished(job).state for job in (first, another)] == ["done", "done"]


def test_messages_name_no_folder_of_this_machine(song, tmp_path):
    with studio_in(tmp_path / "a b") as (studio, model):
        model.open.clear()
        job = studio.submit(request_for(song))
        model.error = InputError(f"{song}, {job.folder}/stems/vocals.wav and small.ckpt are damaged")
        model.open.set()
        assert finished(job).message == "A song.wav, stems/vocals.wav and small are damaged"


def test_a_failing_report_does_not_stop_the_queue(song, tmp_path):
    def broken(line: str) -> None:
        raise BrokenPipeError(line)

    with studio_in(tmp_path) as (studio, _):
        studio.report = broken
        assert [finished(studio.submit(request_for(song))).state for _ in range(2)] == ["done", "done"]


def test_an_expired_song_is_forgotten_with_its_files(song, tmp_path):
    with studio_in(tmp_path, Limits(keep_minutes=5)) as (studio, _):
        old, new = (finished(studio.submit(request_for(song))) for _ in range(2))
        old.finished_at = time.monotonic() - 301
        studio.clean_up(time.monotonic())
        assert studio.job(old.token) is None
        assert not old.folder.exists()
        assert studio.job(new.token) is new
        assert new.files[0].exists()


def test_surround_sound_is_mixed_down_with_a_note(tmp_path):
    song = tmp_path / "film.wav"
    soundfile.write(song, 0.1 * torch.randn(16_000, 6).numpy(), 8000)
    with studio_in(tmp_path) as (studio, _):
        job = finished(studio.submit(request_for(song)))
        assert job.notes == ["Mixed down from 6 channels to stereo."]
        assert soundfile.info(job.files[0]).channels == 2


def test_closing_cancels_songs_and_deletes_their_files(song, tmp_path):
    with studio_in(tmp_path) as (studio, model):
        done = finished(studio.submit(request_for(song)))
        model.open.clear()
        job, waiting = studio.submit(request_for(song)), studio.submit(request_for(song))
        wait_until(lambda: job.state == "separating")
    assert [done.state, waiting.state] == ["done", "cancelled"]
    assert job.state in ("cancelled", "failed")
    assert not (tmp_path / "studio").exists()
    assert song.exists()


def test_checkpoints_are_found_by_name(tmp_path):
    with studio_in(tmp_path) as (studio, _):
        assert studio.checkpoints == {"small": OPTION}
