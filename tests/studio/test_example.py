from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
import soundfile

from bsroformer.data import demo_source
from bsroformer.data.demo_songs import Sound, song_names, synthesiser
from bsroformer.errors import InputError
from bsroformer.studio.example import example_song
from support.launched import composed

TITLE = song_names("test")[0]


@pytest.fixture
def rendered(monkeypatch) -> list[Path]:
    """Record the requested sets and write an empty file for each song."""
    sets: list[Path] = []

    def render(place: Path, *settings: object) -> None:
        assert settings == (0, 0, 1, 20, Sound())
        song = place / "test" / TITLE
        if not song.exists():
            sets.append(place)
            song.mkdir(parents=True)
            (song / "mixture.wav").touch()

    monkeypatch.setattr(demo_source, "render_demo_set", render)
    return sets


def test_the_song_of_an_existing_demo_set_is_used(tmp_path, monkeypatch, rendered):
    monkeypatch.setenv("BSROFORMER_CACHE", str(tmp_path))
    data = composed("train", "experiment=demo").data
    root = Path(data.root)
    arguments = data.source.arguments
    facts = {name: arguments[name] for name in ("seed", "train_songs", "valid_songs", "test_songs", "seconds")}
    place = demo_source.DemoSource(str(root), **facts, stems=(), sample_rate=44_100, channels=2).location
    mixture = place / "test" / TITLE / "mixture.wav"
    mixture.parent.mkdir(parents=True)
    mixture.touch()
    assert example_song(root) == (mixture, TITLE)
    assert rendered == []
    assert list(root.iterdir()) == [place]


@pytest.mark.parametrize("other", ["v0-seed0-36+8x20s", "v1-seed3-36+8x20s", "v1-seed0-36+8x120s", "v1-seed0-36+8x20s"])
def test_a_different_or_partial_song_is_not_used(tmp_path, rendered, other):
    song = tmp_path / other / "test" / TITLE
    (song if other != "v1-seed0-36+8x20s" else song.parent).mkdir(parents=True)
    file, title = example_song(tmp_path)
    assert (file.is_file(), title) == (True, TITLE)
    assert rendered == [file.parents[2]]


def test_simultaneous_requests_create_one_example(tmp_path, rendered, monkeypatch):
    render, playing, company = demo_source.render_demo_set, [], Event()

    def play(*arguments: object) -> None:
        playing.append(arguments)
        if len(playing) > 1:
            company.set()
        company.wait(0.2)  # long enough for another one to come in, if the lock lets it
        render(*arguments)
        playing.pop()

    monkeypatch.setattr(demo_source, "render_demo_set", play)
    with ThreadPoolExecutor(3) as pool:
        songs = list(pool.map(lambda _: example_song(tmp_path / "demo_songs"), range(3)))
    assert not company.is_set()
    assert len(rendered) == 1
    assert set(songs) == {(rendered[0] / "test" / TITLE / "mixture.wav", TITLE)}


def test_the_song_is_composed_and_played(tmp_path):
    pytest.importorskip("midirenderer", reason="the demo songs' synthesiser is not installed")
    pytest.importorskip("pretty_midi", reason="the demo songs' SoundFont is not installed")
    file, _ = example_song(tmp_path)
    played = soundfile.info(file)
    assert (played.samplerate, played.channels) == (44_100, 2)
    assert 15 < played.duration < 30
    assert example_song(tmp_path) == (file, TITLE)


def test_a_missing_synthesiser_is_reported_with_a_remedy(tmp_path, monkeypatch):
    synthesiser.soundfont.cache_clear()
    monkeypatch.setattr(synthesiser, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r'pip install -e "\.\[demo\]"'):
        example_song(tmp_path)


def test_an_unwritable_folder_is_reported(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file.* cannot be written"):
        example_song(tmp_path / "file")
