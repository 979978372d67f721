"""Play parts: write a MIDI file in memory, and render it with a SoundFont."""

import io
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from bsroformer.data.demo_songs.instruments import PROGRAMS
from bsroformer.data.demo_songs.score import Part, Singer
from bsroformer.errors import InputError
from bsroformer.extras import install_command

if TYPE_CHECKING:
    import pretty_midi

RATE = 48000
"""Samples a second; midirenderer has no other rate."""
TICKS_PER_BEAT = 960
"""Half a millisecond at MIDI's default of 120 beats a minute."""
CONTROL_SECONDS = 0.02
"""Time between two pitch bends or expression changes: 50 a second sound continuous."""
PAN, EXPRESSION, REVERB, CHORUS = 10, 11, 91, 93
"""MIDI controllers."""
MIDDLE, SIDES = (64,), (0, 127)
"""Values of the pan controller for one part, and for two."""
RING_SECONDS = 3.0
"""Time in which a part dies away after its last note."""
BEND_RANGE_CENTS = 200
"""Range of a full pitch bend, the General MIDI default."""


@lru_cache(maxsize=1)
def soundfont(path: str | None = None) -> bytes:
    """Read a General MIDI SoundFont: a file, or the one that pretty_midi carries in its package folder.

    Raises:
        InputError: The file is not a SoundFont, or a package of the extra ``demo`` is missing.
    """
    carried = carried_soundfont()
    content = carried.read_bytes() if path is None else read_file(path)
    if content[:4] != b"RIFF" or content[8:12] != b"sfbk":
        raise InputError(
            f"{path or carried} is not a SoundFont; give a file that ends in .sf2 as data.source.soundfont"
        )
    return content


def carried_soundfont() -> Path:
    """Find the SoundFont of pretty_midi, without importing it.

    Raises:
        InputError: A package of the extra ``demo`` is missing.
    """
    spec = find_spec("pretty_midi")
    path = Path(spec.origin).with_name("TimGM6mb.sf2") if spec and spec.origin else None
    if path is None or not path.is_file() or find_spec("midirenderer") is None:
        raise InputError(f"The demo songs need a synthesiser and a SoundFont; {install_command('demo')}")
    return path


def read_file(path: str) -> bytes:
    """Read a SoundFont's file.

    Raises:
        InputError: It cannot be read.
    """
    try:
        return Path(path).expanduser().read_bytes()
    except OSError as error:
        raise InputError(f"data.source.soundfont={path} cannot be read ({error.strerror}); give a file") from error


def play(parts: Sequence[Part], tempo: float, seconds: float, font: str | None = None) -> np.ndarray:
    """Play one part, or two at once, at the same cost.

    Args:
        parts: One part, heard in stereo, or two, the first on the left and the second on the right. Each has
            at least one note.
        tempo: Beats a minute.
        seconds: Length of the result; a longer tail is cut.
        font: File of the SoundFont: see `soundfont`.

    Returns:
        Dry audio ``(c t)``, float32, two channels at ``RATE``.
    """
    import midirenderer

    beat = 60 / tempo
    notes = [note for part in parts for note in part.notes]
    # Silence takes as long to render as music: a pad of the chorus is rendered from the chorus on.
    begin = min(note.start for note in notes) * beat
    end = min(seconds, max(note.start + note.length for note in notes) * beat + RING_SECONDS)
    wave = midirenderer.render_wave_from(soundfont(font), write_midi(parts, beat, begin, end))
    played, _ = soundfile.read(io.BytesIO(wave), dtype="float32", always_2d=True)
    audio = np.zeros((2, round(seconds * RATE)), dtype=np.float32)
    target = audio[:, round(begin * RATE) :]
    target[:, : len(played)] = played.T[:, : target.shape[-1]]
    return audio


def write_midi(parts: Sequence[Part], beat: float, begin: float, end: float) -> bytes:
    """Write parts as a MIDI file from one time to another, in seconds.

    Args:
        parts: One part for the middle, or two for the sides.
        beat: Length of a beat in seconds.
        begin: Time of the song at which the file begins.
        end: Time of the song at which it ends.
    """
    import pretty_midi

    midi = pretty_midi.PrettyMIDI(resolution=TICKS_PER_BEAT)
    pans = MIDDLE if len(parts) == 1 else SIDES
    for part, pan in zip(parts, pans, strict=True):
        instrument = write_part(part, beat, begin)
        instrument.control_changes.append(pretty_midi.ControlChange(PAN, pan, 0.0))
        # The mix has its own reverberation. The event at the end lets the last notes ring: playing stops there.
        for time in (0.0, end - begin):
            instrument.control_changes.append(pretty_midi.ControlChange(REVERB, 0, time))
        instrument.control_changes.append(pretty_midi.ControlChange(CHORUS, 0, 0.0))
        midi.instruments.append(instrument)
    file = io.BytesIO()
    midi.write(file)
    return file.getvalue()


def write_part(part: Part, beat: float, begin: float) -> "pretty_midi.Instrument":
    """Write the notes of a part, with the expression of its singer."""
    import pretty_midi

    instrument = pretty_midi.Instrument(PROGRAMS[part.instrument], is_drum=part.stem == "drums")
    for note in part.notes:
        start = note.start * beat - begin
        stop = (note.start + note.length) * beat - begin
        instrument.notes.append(pretty_midi.Note(note.velocity, note.pitch, start, stop))
        if part.singer is not None:
            express(instrument, part.singer, start, stop)
    return instrument


def express(instrument: "pretty_midi.Instrument", singer: Singer, start: float, stop: float) -> None:
    """Sing a note: scoop, vibrato, swell and fade. Times are in seconds."""
    import pretty_midi

    times = np.arange(0, stop - start, CONTROL_SECONDS)
    depth = singer.vibrato_cents * np.clip((times - 0.2) / 0.4, 0, 1)
    vibrato = np.sin(2 * np.pi * singer.vibrato_hz * times)
    cents = singer.detune_cents - 50 * np.exp(-times / 0.04)
    cents += depth * vibrato
    bends = np.clip(cents / BEND_RANGE_CENTS * 8192, -8192, 8191).astype(int)
    swell = np.sin(np.pi * (times / (stop - start)) ** 0.7)
    levels = np.round(88 + 36 * swell).astype(int)
    onsets = start + times
    for time, bend, level in zip(onsets.tolist(), bends.tolist(), levels.tolist(), strict=True):
        instrument.pitch_bends.append(pretty_midi.PitchBend(bend, time))
        instrument.control_changes.append(pretty_midi.ControlChange(EXPRESSION, level, time))
