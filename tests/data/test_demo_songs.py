import json
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bsroformer.data.demo_songs import Sound, render_demo_set, render_set, song_names, synthesiser, vowels
from bsroformer.data.demo_songs.band import bass_pitch, write_chords, write_riff
from bsroformer.data.demo_songs.composition import FORMS, STYLES, share_bars
from bsroformer.data.demo_songs.harmony import PROGRESSIONS, Key, voice_chord
from bsroformer.data.demo_songs.instruments import BASSES, DRUM_KEYS, KITS, PROGRAMS, VOICES
from bsroformer.data.demo_songs.melody import PHRASES
from bsroformer.data.demo_songs.mixdown import active_rms, damp, duck, quantise, since_kick
from bsroformer.data.demo_songs.render_set import Job, compose_song
from bsroformer.data.demo_songs.score import Note, Part, Section, Singer, Song, is_sounding, read_pattern
from bsroformer.data.demo_songs.style import FILLS, TRIPLET_FILLS, add_fill, read_drums
from bsroformer.errors import InputError

STEMS = ("vocals", "drums", "bass", "other")
TINY = {"train_songs": 2, "test_songs": 1, "seconds": 4.0}


@pytest.fixture(scope="session")
def instruments() -> None:
    pytest.importorskip("midirenderer", reason="the demo songs' synthesiser is not installed")
    pytest.importorskip("pretty_midi", reason="the demo songs' SoundFont is not installed")


@pytest.fixture(scope="module")
def demo_set(instruments: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render_demo_set(tmp_path_factory.mktemp("demo") / "set", **TINY, workers=1)


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def default_songs(split: str) -> list[Song]:
    """Compose the songs of the default set without rendering them."""
    number = ("train", "test").index(split)
    return [
        compose_song(np.random.default_rng([0, number, index]), Job(Path(), 0, split, index, title, 20.0, Sound()))
        for index, title in enumerate(song_names(split))
    ]


@pytest.fixture(scope="module")
def train_songs() -> list[Song]:
    return default_songs("train")


@pytest.fixture(scope="module")
def test_songs() -> list[Song]:
    return default_songs("test")


# Harmony and patterns


def test_chord_symbols_mean_what_musicians_mean() -> None:
    c_major = Key(tonic=0, mode="major")
    assert c_major.chord("bVIImaj7").pitch_classes == (10, 2, 5, 9)
    assert c_major.chord("ii7").pitch_classes == (2, 5, 9, 0)
    assert Key(tonic=9, mode="minor").home.pitch_classes == (9, 0, 4)
    assert [[chord.symbol for chord in bar] for bar in c_major.progression("I V,vi")] == [["I"], ["V", "vi"]]


def test_every_progression_can_be_read_in_its_mode() -> None:
    for modes in PROGRESSIONS.values():
        for mode, progressions in modes.items():
            assert all(Key(3, mode).progression(text) for text in progressions)


def test_the_scale_over_a_borrowed_chord_avoids_clashes() -> None:
    a_minor = Key(tonic=9, mode="minor")
    assert a_minor.scale_over(a_minor.chord("i")) == (0, 2, 4, 5, 7, 9, 11)
    g_sharp = 8  # third of V: neither G nor A is sung against it
    assert set(a_minor.scale_over(a_minor.chord("V"))) == {11, g_sharp, 4, 0, 2, 5}


def test_voices_move_little_and_stay_in_their_range() -> None:
    for tonic in range(12):
        voicing = None
        for (chord,) in Key(tonic, "major").progression("I vi ii7 V7 I IV I"):
            following = voice_chord(chord, voicing, 50, 70)
            assert {pitch % 12 for pitch in following} <= set(chord.pitch_classes)
            assert all(50 <= pitch <= 70 for pitch in following)
            if voicing is not None:
                assert max(abs(new - old) for new, old in zip(following, voicing, strict=False)) <= 5
            voicing = following


def test_bass_letters_are_degrees_of_the_chord() -> None:
    key = Key(tonic=0, mode="major")
    tonic, dominant = key.chord("I"), key.chord("V7")
    pitches = {letter: bass_pitch(letter, dominant, tonic, low=28) for letter in "R3578a"}
    assert pitches == {"R": 31, "3": 35, "5": 38, "7": 41, "8": 43, "a": 35}


def test_a_pattern_is_read_in_beats_with_holds_and_silence() -> None:
    assert list(read_pattern("x-----x-X...x---", bar=2)) == [
        (8.0, 1.5, "x"), (9.5, 0.5, "x"), (10.0, 0.25, "X"), (11.0, 1.0, "x"),
    ]  # fmt: skip
    assert [start for start, _, _ in read_pattern("x..x..x.....", bar=0)] == pytest.approx([0, 1, 2])


def test_swing_delays_offbeats_only_and_leaves_triplets_alone() -> None:
    straight = list(read_pattern("x.x.x.x.x.x.x.x.", bar=0))
    swung = list(read_pattern("x.x.x.x.x.x.x.x.", bar=0, swing=0.66))
    assert [start for start, _, _ in swung[::2]] == [start for start, _, _ in straight[::2]]
    assert [start % 1 for start, _, _ in swung[1::2]] == pytest.approx([0.66] * 4)
    assert list(read_pattern("xxxxxxxxxxxx", 0, swing=0.66)) == list(read_pattern("xxxxxxxxxxxx", 0))


def test_every_style_has_known_letters_and_instruments() -> None:
    for style in STYLES:
        for groove in (read_drums(style.verse), read_drums(style.chorus)):
            assert {len(pattern) for pattern in groove.values()} in ({12}, {16}), style.name
            assert set("".join(groove.values())) <= set("xXo.")
            assert set(groove) <= set(DRUM_KEYS) and "kick" in groove
        for letters, patterns in (("R35678a", style.bass), ("x", style.comping), ("0123", style.riff)):
            for pattern in patterns:
                assert len(pattern) in (12, 16) and set(pattern) <= set(letters + ".-"), (style.name, pattern)
        assert set(style.kits.split(", ")) <= set(KITS)
        assert set(style.basses.split(", ")) <= set(BASSES)
        others = f"{style.compers}, {style.riffers}, {style.pads}".split(", ")
        assert set(others) <= set(PROGRAMS) - set(VOICES) - set(BASSES) - set(KITS)
    assert {len(phrase) for phrase in PHRASES} == {32}


def test_a_fill_silences_the_groove_except_the_kick() -> None:
    groove = read_drums("kick x...x...x...x...\nhat  x.x.x.x.x.x.x.x.")
    assert add_fill(groove, read_drums("snare ............xxxX")) == {
        "kick": "x...x...x...x...",
        "hat": "x.x.x.x.x.x.....",
        "snare": "............xxxX",
    }
    for fills, letters in ((FILLS, 16), (TRIPLET_FILLS, 12)):
        assert all(len(pattern) == letters for fill in fills for pattern in read_drums(fill).values())


@pytest.mark.parametrize("form", FORMS)
def test_the_sections_of_a_form_share_all_bars(form: str) -> None:
    for bars in range(1, 40):
        sections = share_bars(form.split(), bars)
        assert sum(length for _, length in sections) == bars
        assert all(length > 0 for _, length in sections)


# Songs


def test_singers_sing_one_note_at_a_time_and_breathe(train_songs: list[Song]) -> None:
    for song in train_songs:
        lead = next(part for part in song.parts if part.stem == "vocals")
        notes = sorted(lead.notes, key=lambda note: note.start)
        gaps = [(b.start - a.start - a.length) * 60 / song.tempo for a, b in pairwise(notes)]
        assert min(gaps) > -0.1, song.title  # humanised onsets may just touch
        assert max(gaps) > 0.4, song.title
        sung = sum(note.length for note in notes) * 60 / song.tempo
        assert 0.25 * song.seconds < sung < 0.9 * song.seconds, song.title


def test_melodies_have_a_vocal_range_and_small_steps(train_songs: list[Song]) -> None:
    leaps = []
    for song in train_songs:
        lead = next(part for part in song.parts if part.stem == "vocals")
        pitches = [note.pitch for note in lead.notes]
        assert min(pitches) >= 52 and max(pitches) <= 84, song.title
        leaps += [abs(b - a) for a, b in pairwise(pitches)]
    assert np.mean(np.array(leaps) <= 4) > 0.75
    assert max(leaps) <= 16


def test_the_band_listens_to_the_singer() -> None:
    style, chord = STYLES[0], Key(0, "major").home
    form = [Section("verse", 0, [[chord]], frozenset()), Section("chorus", 1, [[chord]], frozenset())]
    lead = [Note(0, 2, 60, 100), Note(4, 2, 60, 100)]  # half of each bar
    for write in (write_chords, write_riff):
        notes = [note for seed in range(8) for note in write(np.random.default_rng(seed), style, form, 1.0, lead).notes]
        below, between = ({note.velocity for note in notes if is_sounding(lead, note.start) == sung} for sung in (1, 0))
        assert max(below) < min(between)
        verse_is_accompanied = any(note.start < 2 for note in notes)
        assert verse_is_accompanied == (write is write_chords)  # a riff answers


def test_most_bass_notes_lie_between_41_and_123_hz(train_songs: list[Song]) -> None:
    pitches = [note.pitch for song in train_songs for part in song.parts if part.stem == "bass" for note in part.notes]
    assert min(pitches) >= 28  # E1, the lowest string
    assert np.quantile(pitches, 0.8) <= 47  # B2


def test_songs_differ_in_style_tempo_key_and_instruments(train_songs: list[Song]) -> None:
    assert {song.style for song in train_songs} == {style.name for style in STYLES}
    assert len({song.tempo for song in train_songs}) > 25
    assert {song.key.tonic for song in train_songs} == set(range(12))
    assert {song.key.mode for song in train_songs} == {"major", "minor", "dorian", "mixolydian"}
    assert len({tuple(part.instrument for part in song.parts) for song in train_songs}) == len(train_songs)


def test_instruments_of_test_are_in_train_too(train_songs: list[Song], test_songs: list[Song]) -> None:
    def instruments(songs: list[Song], stem: str) -> set[str]:
        return {part.instrument for song in songs for part in song.parts if part.stem == stem}

    for stem in ("vocals", "drums", "bass"):
        assert instruments(test_songs, stem) <= instruments(train_songs, stem)


def test_names_are_unique_over_both_splits() -> None:
    assert len(song_names("train")) == 36
    names = song_names("train", 450) + song_names("test", 450)
    assert len(set(names)) == 900
    assert song_names("train", 50)[:36] == song_names("train")
    with pytest.raises(InputError, match="valid"):
        song_names("valid")
    with pytest.raises(InputError, match="451"):
        song_names("test", 451)


# Sound


def test_a_part_is_played_on_time_at_its_velocity(instruments: None) -> None:
    rate = synthesiser.RATE
    part = Part("drums", "standard", [Note(2, 0.25, 38, 60), Note(4, 0.25, 38, 120)])
    audio = synthesiser.play([part], tempo=120, seconds=3)
    assert audio.shape == (2, 3 * rate) and audio.dtype == np.float32
    assert not audio[:, : rate - 50].any()  # one second of silence at 120 beats a minute
    soft, loud = (np.abs(audio[:, at * rate : (at + 1) * rate]).max() for at in (1, 2))
    assert soft > 0.01 and loud > 2 * soft


def test_two_parts_share_a_pass_one_on_each_side(instruments: None) -> None:
    left = Part("other", "piano", [Note(0, 1, 60, 100)])
    right = Part("other", "square lead", [Note(0, 1, 72, 100)])
    both = synthesiser.play([left, right], tempo=60, seconds=3)
    for channel, part in zip(both, (left, right), strict=True):
        alone = synthesiser.play([part], tempo=60, seconds=3).mean(0)
        length = len(alone) - synthesiser.RATE // 20
        assert np.corrcoef(channel[:length], alone[:length])[0, 1] > 0.999


def test_a_singer_is_in_tune_and_sings_with_vibrato(instruments: None) -> None:
    def pitch_track(vibrato_cents: float) -> np.ndarray:
        singer = Singer(("ah",), 1.0, vibrato_hz=5, vibrato_cents=vibrato_cents, detune_cents=0)
        part = Part("vocals", "voice oohs", [Note(0, 4, 69, 100)], singer=singer)
        voice = synthesiser.play([part], tempo=60, seconds=4).mean(0)[synthesiser.RATE :]
        frames = np.lib.stride_tricks.sliding_window_view(voice, 4096)[: 2 * synthesiser.RATE : 1024]
        spectra = np.abs(np.fft.rfft(frames * np.hanning(4096), 1 << 17))
        low, high = (round(hz * (1 << 17) / synthesiser.RATE) for hz in (380, 500))
        return 1200 * np.log2((low + spectra[:, low:high].argmax(1)) * synthesiser.RATE / (1 << 17) / 440)

    straight, vibrato = pitch_track(0), pitch_track(40)
    assert abs(np.median(straight)) < 15
    assert np.ptp(vibrato) > np.ptp(straight) + 30


def test_vowels_colour_a_voice_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    rate = 8000
    audio = np.random.default_rng(0).standard_normal((1, 2 * rate)).astype(np.float32)
    singer = Singer(("ee", "oo"), 1.0, 5.0, 0.0, 0.0)
    notes = [Note(0, 1, 60, 100), Note(1, 1, 62, 100)]

    def band_level(begin: int) -> float:
        spectrum = np.abs(np.fft.rfft(sung[0, begin : begin + rate // 2]))
        return float(spectrum[350:475].mean() / spectrum.mean())  # 700 to 950 Hz: the second formant of "oo"

    sung = vowels.pronounce(audio, notes, singer, beat=1.0, rate=rate)
    assert band_level(rate + rate // 4) > 2 * band_level(rate // 4)
    monkeypatch.setattr(vowels, "formant_gain", lambda frequencies, vowel, size: np.ones_like(frequencies))
    np.testing.assert_allclose(vowels.pronounce(audio, notes, singer, 1.0, rate), audio, atol=1e-5)


def test_the_bass_steps_aside_for_the_kick_and_comes_back() -> None:
    drums = Part("drums", "standard", [Note(1, 0.25, DRUM_KEYS["kick"], 100), Note(1.5, 0.25, DRUM_KEYS["snare"], 100)])
    song = Song("A", "pop", 60.0, Key(0, "major"), bars=1, parts=[drums])
    gain = duck(np.ones((1, 2 * synthesiser.RATE), np.float32), since_kick(song, 2.0))[0]
    at = {seconds: gain[int(seconds * synthesiser.RATE)] for seconds in (0.99, 1.01, 1.51)}
    assert at[0.99] == pytest.approx(1) and at[1.51] == pytest.approx(1, abs=0.01)
    assert -6 < 20 * np.log10(at[1.01]) < -4
    assert np.abs(np.diff(gain)).max() < 0.01  # no click


def test_the_boom_of_a_kick_is_damped_and_its_stroke_is_not() -> None:
    times = np.arange(48000, dtype=np.float32) / 48000
    boom = np.sin(2 * np.pi * 20 * times)[None]
    damped = damp(boom, times)
    np.testing.assert_array_equal(damped[:, :4800], boom[:, :4800])
    assert np.abs(damped[:, 24000:]).max() < 0.3


def test_silence_does_not_count_for_loudness() -> None:
    tone = np.random.default_rng(0).normal(size=(2, 48000))
    assert active_rms(np.pad(tone, ((0, 0), (0, 96000)))) == pytest.approx(active_rms(tone))
    assert active_rms(tone) == pytest.approx(1, rel=0.02)


def test_quantised_stems_add_up_without_clipping() -> None:
    rng = np.random.default_rng(0)
    stems = quantise({stem: rng.normal(size=(2, 48000)).astype(np.float32) for stem in STEMS}, peak_db=-1)
    mixture = np.sum(list(stems.values()), axis=0, dtype=np.int64)
    assert 20 * np.log10(np.abs(mixture).max() / 32767) == pytest.approx(-1, abs=0.01)
    assert all(audio.shape == (44100, 2) and audio.dtype == np.int16 for audio in stems.values())


# The set on disk


def test_the_set_has_musdbs_layout_and_a_description(demo_set: Path) -> None:
    songs = [demo_set / "train" / name for name in song_names("train", 2)]
    songs.append(demo_set / "test" / song_names("test", 1)[0])
    expected = {song / f"{name}.wav" for song in songs for name in ("mixture", *STEMS)}
    assert {path for path in demo_set.rglob("*") if path.is_file()} == expected | {demo_set / "demo.json"}
    for path in expected:
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.subtype) == (44100, 2, "PCM_16")
        assert 3 < info.duration < 6
    described = json.loads((demo_set / "demo.json").read_text())
    assert described["seed"] == 0 and described["seconds"] == 4.0
    assert [song["name"] for song in described["songs"]] == [song.name for song in songs]
    assert all(set(song["instruments"]) == set(STEMS) for song in described["songs"])


def test_the_mixture_is_the_sum_of_active_stems_without_clipping(demo_set: Path) -> None:
    for song in [path.parent for path in demo_set.rglob("mixture.wav")]:
        audio = {name: soundfile.read(song / f"{name}.wav", dtype="int16")[0] for name in ("mixture", *STEMS)}
        total = sum(audio[stem].astype(np.int64) for stem in STEMS)
        np.testing.assert_array_equal(audio["mixture"], total)
        assert 0.7 * 32767 < np.abs(total).max() < 0.9 * 32767  # -3 to -1 dBFS
        for stem in STEMS:
            rms = np.sqrt(np.mean((audio[stem] / 32768) ** 2))
            assert -36 < 20 * np.log10(rms) < -12, (song.name, stem)


def test_stems_keep_to_their_bands_and_panorama(demo_set: Path) -> None:
    for song in [path.parent for path in demo_set.rglob("mixture.wav")]:
        audio = {stem: soundfile.read(song / f"{stem}.wav")[0].T for stem in STEMS}

        def share(stem: str, low: float, high: float) -> float:
            power = np.square(np.abs(np.fft.rfft(audio[stem]))).sum(0)  # noqa: B023 - called in the loop
            hz = np.fft.rfftfreq(audio[stem].shape[1], 1 / 44_100)  # noqa: B023
            return float(power[(low <= hz) & (hz < high)].sum() / power.sum())

        assert share("bass", 1000, 22_050) < 0.01, song.name
        assert share("other", 0, 200) < 0.02, song.name
        assert share("vocals", 0, 150) < 0.02, song.name
        assert share("drums", 200, 2000) < 0.3, song.name
        np.testing.assert_array_equal(*audio["bass"])  # mono
        vocals_side = np.square(audio["vocals"][0] - audio["vocals"][1]).sum()
        assert vocals_side < 0.1 * np.square(audio["vocals"].sum(0)).sum(), song.name


def test_a_seed_gives_the_same_bytes_with_any_workers(demo_set: Path, tmp_path: Path) -> None:
    assert contents(render_demo_set(tmp_path / "again", **TINY, workers=2)) == contents(demo_set)


def test_another_seed_gives_other_songs(demo_set: Path, tmp_path: Path) -> None:
    other = contents(render_demo_set(tmp_path / "other", seed=1, **TINY, workers=1))
    assert other.keys() == contents(demo_set).keys()
    assert not set(other.values()) & set(contents(demo_set).values())


def test_a_plain_mix_leaves_stems_their_full_range(demo_set: Path, tmp_path: Path) -> None:
    plain = render_demo_set(tmp_path / "plain", **TINY, sound=Sound(mixing="plain"), workers=1)
    low_shares = []
    for root in (demo_set, plain):
        other = np.concatenate([soundfile.read(path)[0] for path in sorted(root.glob("*/*/other.wav"))])
        spectrum = np.square(np.abs(np.fft.rfft(other.mean(1))))
        low_shares.append(spectrum[: len(spectrum) * 400 // 22050].sum() / spectrum.sum())
    assert low_shares[1] > 2 * low_shares[0]


def test_another_soundfont_is_given_to_the_synthesiser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    font = tmp_path / "other.sf2"
    font.write_bytes(synthesiser.soundfont() + b"other")
    used = []
    midirenderer = pytest.importorskip("midirenderer")
    render = midirenderer.render_wave_from
    monkeypatch.setattr(midirenderer, "render_wave_from", lambda sf, midi: used.append(sf) or render(sf, midi))
    part = Part("other", "piano", [Note(0, 1, 60, 90)])
    synthesiser.play([part], tempo=120, seconds=1, font=str(font))
    assert used == [font.read_bytes()]


def test_a_file_that_is_no_soundfont_is_refused(tmp_path: Path) -> None:
    (tmp_path / "font.sf2").write_bytes(b"RIFF0000WAVE")
    for name, message in (("font.sf2", "is not a SoundFont"), ("absent.sf2", "cannot be read")):
        with pytest.raises(InputError, match=message):
            render_demo_set(tmp_path / "set", **TINY, sound=Sound(soundfont=str(tmp_path / name)))


def test_a_description_without_the_sound_is_of_the_usual_one(demo_set: Path, tmp_path: Path) -> None:
    root = tmp_path / "older"
    shutil.copytree(demo_set, root)
    description = json.loads((root / "demo.json").read_text(encoding="utf-8"))
    del description["soundfont"], description["mixing"]
    (root / "demo.json").write_text(json.dumps(description), encoding="utf-8")
    assert render_demo_set(root, **TINY) == root
    with pytest.raises(InputError, match="mixing clear instead of plain"):
        render_demo_set(root, **TINY, sound=Sound(mixing="plain"))


def test_a_complete_set_is_left_alone(demo_set: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render_set, "render_songs", lambda *_: pytest.fail("it is complete"))
    assert render_demo_set(demo_set, **TINY) == demo_set


def test_an_interrupted_rendering_is_completed_by_the_next(
    demo_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "set"
    write, written = soundfile.write, []

    def write_seven_files(path: Path, *args: object, **kwargs: object) -> None:
        if len(written) == 7:
            raise KeyboardInterrupt
        written.append(path)
        write(path, *args, **kwargs)

    monkeypatch.setattr(soundfile, "write", write_seven_files)
    with pytest.raises(KeyboardInterrupt):
        render_demo_set(root, **TINY, workers=1)
    assert not (root / "demo.json").exists()
    (first,) = [path for path in root.glob("t*/*") if path.is_dir()]
    assert len(list(first.iterdir())) == 5

    written_at = (first / "mixture.wav").stat().st_mtime_ns
    monkeypatch.undo()
    assert contents(render_demo_set(root, **TINY, workers=1)) == contents(demo_set)
    assert (first / "mixture.wav").stat().st_mtime_ns == written_at


def test_a_folder_of_something_else_is_refused(demo_set: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="seed 0 instead of 1"):
        render_demo_set(demo_set, seed=1, **TINY)
    (tmp_path / "letter.txt").touch()
    with pytest.raises(InputError, match="is not empty"):
        render_demo_set(tmp_path, **TINY)


def test_settings_out_of_range_are_refused(tmp_path: Path) -> None:
    for wrong in ({"seconds": 2.0}, {"workers": 0}, {"seed": -1}, {"train_songs": -1}):
        with pytest.raises(InputError):
            render_demo_set(tmp_path / "set", **wrong)
    assert not (tmp_path / "set").exists()


def test_a_missing_synthesiser_is_said_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synthesiser.soundfont.cache_clear()
    monkeypatch.setattr(synthesiser, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r'pip install -e ".\[demo\]"'):
        render_demo_set(tmp_path / "set", **TINY)
    assert not (tmp_path / "set").exists()
