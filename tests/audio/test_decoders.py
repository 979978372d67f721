import re
import subprocess
import warnings
from contextlib import closing
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import av
import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from bsroformer.audio.decoders import open_decoder
from bsroformer.audio.ffmpeg_decoder import FFmpegDecoder
from bsroformer.audio.files import probe, read
from bsroformer.audio.tags import read_tags
from bsroformer.errors import InputError

RATE = 44100
# One song of MUSDB18-7, which comes with stempeg: five streams of AAC. Found without importing stempeg, which
# would need FFmpeg on the PATH.
MUSDB_SONG = next((Path(find_spec("stempeg").origin).parent / "data").glob("*.stem.mp4"))
# name: codec, its options, whether the muxer leaves its own name out
FFMPEG_FILES = {
    "aac with PNS by FFmpeg.m4a": ("aac", {}, False),
    "aac with an edit list.m4a": ("aac", {"aac_pns": "0"}, True),
    "aac.mkv": ("aac", {}, False),
    "alac.m4a": ("alac", {}, False),
    "opus.mp4": ("libopus", {}, False),
    "opus.webm": ("libopus", {}, False),
    "ac3.mkv": ("ac3", {}, False),
}


def noisy_song(seconds: float = 4, rate: int = RATE, channels: int = 2) -> np.ndarray:
    """Noise (c t) of varying loudness, for a different bit rate in each second."""
    samples = int(seconds * rate)
    noise = np.random.default_rng(1).normal(0, 0.1, (channels, samples)).astype(np.float32)
    return noise * np.abs(np.sin(np.arange(samples) / rate * 5)).astype(np.float32)


def encode(
    path: Path, audio: np.ndarray, codec: str, options: dict[str, str], anonymous: bool, rate: int = RATE
) -> Path:
    muxer_options = {"fflags": "+bitexact"} if anonymous else {}
    with av.open(str(path), "w", options=muxer_options) as container:
        stream = container.add_stream(codec, rate=rate, options=options)
        stream.layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(audio)]
        frame = av.AudioFrame.from_ndarray(audio, format="fltp", layout=stream.layout.name)
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), 0
        fifo = av.AudioFifo()
        resampler = av.AudioResampler(stream.codec_context.format, stream.layout, stream.rate)
        for converted in resampler.resample(frame) + resampler.resample(None):
            fifo.write(converted)
        size = stream.codec_context.frame_size or 1024
        for block in fifo.read_many(size, partial=True):
            container.mux(stream.encode(block))
        container.mux(stream.encode(None))
    return path


def decode(path: Path, stream: int = 0, start: int = 0) -> Tensor:
    with closing(open_decoder(path)) as decoder:
        return torch.cat(list(decoder.decode(stream, start)), dim=1)


@pytest.mark.parametrize("stream", range(5))
def test_a_musdb_excerpt_is_sought_and_equals_its_slice(stream):
    with closing(FFmpegDecoder(MUSDB_SONG)) as decoder:
        assert decoder._seeks_exactly(decoder._container.streams.audio[stream])
    whole = decode(MUSDB_SONG, stream)
    assert whole.shape == (2, probe(MUSDB_SONG, stream).frames)
    for start in (1, 1023, 4096, 4097, 5120, 100_000, 222_222, 268_287):
        assert torch.equal(decode(MUSDB_SONG, stream, start), whole[:, start:])


@pytest.mark.parametrize("name", FFMPEG_FILES)
def test_an_excerpt_equals_its_slice_for_every_codec(tmp_path, name):
    rate = 48000 if "opus" in name else RATE
    path = encode(tmp_path / name, noisy_song(rate=rate), *FFMPEG_FILES[name], rate=rate)
    whole = decode(path)
    assert whole.shape[1] == pytest.approx(4 * rate, abs=4096)
    for start in (1, 4097, 6000, 90_001, 150_000):
        assert torch.equal(decode(path, start=start), whole[:, start:])


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.ogg"])
def test_an_excerpt_equals_its_slice_for_libsndfile(tmp_path, name):
    soundfile.write(tmp_path / name, noisy_song().T, RATE)
    whole = decode(tmp_path / name)
    for start in (1, 4097, 90_001, 150_000):
        assert torch.equal(decode(tmp_path / name, start=start), whole[:, start:])


def test_the_aac_excerpts_include_a_seek_past_an_edit_list(tmp_path):
    name = "aac with an edit list.m4a"
    path = encode(tmp_path / name, noisy_song(), *FFMPEG_FILES[name])
    with closing(FFmpegDecoder(path)) as decoder:
        assert decoder._seeks_exactly(decoder._container.streams.audio[0])
        assert next(decoder._container.demux(decoder._container.streams.audio[0])).pts == -1024


@pytest.mark.parametrize("name", ["aac with an edit list.m4a", "opus.webm"])
def test_the_delay_of_the_encoder_is_removed(tmp_path, name):
    rate = 48000 if "opus" in name else RATE
    song = noisy_song(rate=rate)
    decoded = decode(encode(tmp_path / name, song, *FFMPEG_FILES[name], rate=rate)).numpy()
    block = song[0, 40_000:44_000]
    match = [float(block @ decoded[0, 40_000 + lag : 44_000 + lag]) for lag in range(-5, 6)]
    assert np.argmax(match) == 5


@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_s32le", "pcm_f64le", "pcm_f32le", "alac", "flac"])
def test_lossless_codecs_return_the_encoded_samples(tmp_path, codec):
    song = np.round(noisy_song(seconds=1).clip(-1, 1) * 2**15) / np.float32(2**15)
    path = encode(tmp_path / "song.mkv", song, codec, {}, False)
    assert np.array_equal(decode(path).numpy(), song)


def test_unsigned_bytes_are_centred_at_zero(tmp_path):
    song = np.round(noisy_song(seconds=1).clip(-0.9, 0.9) * 2**7) / np.float32(2**7)
    path = encode(tmp_path / "song.mkv", song, "pcm_u8", {}, False)
    assert np.abs(decode(path).numpy() - song).max() <= 2**-7  # FFmpeg dithers when it encodes


@pytest.mark.skipif(which("ffmpeg") is None, reason="stempeg decodes with the program ffmpeg")
def test_musdb_stems_are_those_that_stempeg_reads():
    import stempeg

    expected, rate = stempeg.read_stems(str(MUSDB_SONG))  # (n t c)
    assert rate == probe(MUSDB_SONG).sample_rate
    for stream, stem in enumerate(expected):
        np.testing.assert_allclose(decode(MUSDB_SONG, stream).numpy(), stem.T, atol=1e-6)


WHOLE = [
    (name, subtype)
    for name in ("WAV", "W64", "AU", "CAF", "AIFF", "RF64", "FLAC")
    for subtype in ("PCM_16", "PCM_24", "FLOAT", "ULAW", "GSM610", "PCM_U8", "PCM_S8")
    if soundfile.check_format(name, subtype)
]


@pytest.mark.parametrize(("name", "subtype"), WHOLE)
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("frames", [1, 44_101])
def test_a_complete_file_causes_no_warning(tmp_path, name, subtype, channels, frames):
    if subtype == "GSM610":
        channels, frames = 1, 320  # its blocks
    path = tmp_path / "a.wav"
    soundfile.write(path, noisy_song(1.1)[:channels, :frames].T, 44_100, subtype, format=name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert frames <= decode(path).shape[1] <= frames + 320  # as far as libsndfile fills its last block


@pytest.mark.skipif(which("ffmpeg") is None, reason="makes such a file with the program ffmpeg")
@pytest.mark.parametrize("frames", [5000, 132_300])
def test_a_flac_that_was_written_to_a_pipe_is_whole(tmp_path, frames):
    soundfile.write(tmp_path / "a.wav", noisy_song().T[:frames], RATE, "PCM_16")
    words = ["ffmpeg", "-v", "error", "-i", str(tmp_path / "a.wav"), "-f", "flac", "-"]
    (tmp_path / "a.flac").write_bytes(subprocess.run(words, capture_output=True, check=True).stdout)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.equal(decode(tmp_path / "a.flac"), decode(tmp_path / "a.wav"))


CUT = [f"a.{suffix}" for suffix in ("wav", "flac", "mp3", "aiff", "ogg", "w64", "au", "webm", "mkv")]
CUT += ["rf64.wav", "musdb.stem.mp4"]


@pytest.mark.parametrize("name", CUT)
def test_a_cut_file_returns_its_readable_start_with_a_warning(tmp_path, name):
    path = tmp_path / name
    if name.endswith(".mp4"):
        path.write_bytes(MUSDB_SONG.read_bytes())
    elif path.suffix in (".webm", ".mkv"):
        encode(path, noisy_song(rate=48_000), "libopus", {}, False, 48_000)
    else:
        soundfile.write(path, noisy_song().T, RATE, format="RF64" if name == "rf64.wav" else None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it is not damaged yet
        whole = decode(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * 0.6)])
    with pytest.warns(UserWarning, match=f"{name} is cut off or damaged"):
        start = decode(path)
    assert 0.4 * whole.shape[1] < start.shape[1] < 0.7 * whole.shape[1]
    assert torch.equal(start[:, :-4096], whole[:, : start.shape[1] - 4096])


def test_a_wav_from_a_pipe_is_complete_without_a_warning(tmp_path):
    path = tmp_path / "piped.wav"
    soundfile.write(path, noisy_song().T, RATE)
    content = bytearray(path.read_bytes())
    size = content.index(b"data") + 4
    content[4:8] = content[size : size + 4] = b"\xff" * 4
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode(path).shape == (2, 4 * RATE)


def test_samples_after_a_damaged_packet_keep_their_position(tmp_path):
    whole = decode(MUSDB_SONG, stream=1)
    with av.open(str(MUSDB_SONG)) as container:
        packet = [packet for packet in container.demux(container.streams.audio[1]) if packet.size][100]
    content = bytearray(MUSDB_SONG.read_bytes())
    content[packet.pos : packet.pos + packet.size] = b"\xff" * packet.size
    path = tmp_path / "damaged.stem.mp4"
    path.write_bytes(content)
    with pytest.warns(UserWarning, match="damaged: 1 packet skipped"):
        damaged = decode(path, stream=1)
    assert damaged.shape == whole.shape
    assert torch.equal(damaged[:, 103 * 1024 :], whole[:, 103 * 1024 :])
    assert torch.equal(damaged[:, 100 * 1024 : 101 * 1024], torch.zeros(2, 1024))


@pytest.mark.parametrize("size", [1, 40, 4000])
@pytest.mark.parametrize("position", [0.02, 0.2, 0.35, 0.5, 0.77, 0.95])
def test_damage_in_a_flac_is_reported_and_later_samples_stay(tmp_path, position, size):
    path = tmp_path / "damaged.flac"
    soundfile.write(path, noisy_song(10).T, RATE)
    whole = decode(path)
    content = bytearray(path.read_bytes())
    begin = int(position * len(content))
    noise = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    content[begin : begin + size] = (noise ^ np.frombuffer(content, np.uint8)[begin : begin + size] | 1).tobytes()
    path.write_bytes(content)
    with pytest.warns(UserWarning, match=r"damaged\.flac is damaged: some of it is silence or noise") as warned:
        damaged = decode(path)
    assert len(warned) == 1
    assert damaged.shape == whole.shape
    wrong = (damaged != whole).any(0).nonzero().flatten()
    assert len(wrong) > 0 and (wrong[-1] - wrong[0]) < 6 * 4096  # a frame of FLAC has 4096 samples


@pytest.mark.skipif(which("ffmpeg") is None, reason="makes such a file with the program ffmpeg")
def test_a_flac_from_the_middle_of_a_broadcast_starts_with_sound(tmp_path):
    soundfile.write(tmp_path / "a.wav", noisy_song().T, RATE, "PCM_16")
    words = ["ffmpeg", "-v", "error", "-i", str(tmp_path / "a.wav"), "-f", "flac", "-"]
    content = subprocess.run(words, capture_output=True, check=True).stdout
    frames = [match.start() for match in re.finditer(rb"\xff\xf8\x59", content)]  # 4608 samples, 44.1 kHz
    (tmp_path / "a.flac").write_bytes(content[: frames[0]] + content[frames[3] :])
    assert decode(tmp_path / "a.flac").shape == (2, 4 * RATE - 3 * 4608)


def test_a_header_of_each_kind_is_described(tmp_path):
    soundfile.write(tmp_path / "a.wav", noisy_song(channels=1).T, 22050, subtype="PCM_24")
    info = probe(tmp_path / "a.wav")
    assert (info.sample_rate, info.channels, info.frames, info.codec) == (22050, 1, 4 * RATE, "PCM_24")
    info = probe(MUSDB_SONG, stream=4)
    assert (info.sample_rate, info.channels, info.frames, info.codec) == (44100, 2, 268288, "aac")
    assert (info.stream, info.streams, info.path) == (4, 5, MUSDB_SONG)
    info = probe(encode(tmp_path / "a.mkv", noisy_song(), "ac3", {}, False))
    assert (info.sample_rate, info.channels, info.frames, info.codec) == (44100, 2, None, "ac3")


def test_the_audio_of_a_file_named_with_a_colon_is_read(tmp_path, monkeypatch):
    encode(tmp_path / "a.m4a", noisy_song(), "alac", {}, False).rename(tmp_path / "Artist: song.m4a")
    monkeypatch.chdir(tmp_path)
    assert read("Artist: song.m4a")[0].shape == (2, 4 * RATE)


def test_a_playlist_in_disguise_fetches_nothing(tmp_path):
    path = tmp_path / "song.m4a"
    path.write_text("#EXTM3U\n#EXTINF:5,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(InputError, match=r"song\.m4a"):
        probe(path)


PLAYLISTS = {
    "a.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:12\n#EXTINF:5.0,\n{}\n#EXT-X-ENDLIST\n",
    "a.ffconcat": "ffconcat version 1.0\nfile {}\n",
    "a.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\na={}\n",
}


@pytest.mark.parametrize("playlist", PLAYLISTS)
@pytest.mark.parametrize("named", ["other.mp3", "file://{}/other.mp3"])
def test_a_playlist_reads_no_other_file(tmp_path, playlist, named):
    """The studio reads files of unknown origin and returns their audio."""
    encode(tmp_path / "other.mp3", noisy_song(), "mp3", {}, False)
    path = tmp_path / playlist
    path.write_text(PLAYLISTS[playlist].format(named.format(tmp_path)))
    for name in (playlist, "a.mp3"):
        path = path.rename(tmp_path / name)
        with pytest.raises(InputError, match=rf"{name} is not an audio file"):
            probe(path)
        assert read_tags(path) == {}


def test_each_file_that_is_not_audio_is_named_with_a_remedy(tmp_path):
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("dear diary\n" * 20)
    (tmp_path / "bytes.raw").write_bytes(b"\x01\x02\x03" * 999)
    with av.open(str(tmp_path / "silent.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 32
        container.mux(stream.encode(av.VideoFrame(32, 32, "yuv420p")))
        container.mux(stream.encode(None))
    for name, message in {
        "missing.wav": r"There is no file .*missing.wav; check the path",
        ".": "is a folder, where an audio file was expected",
        "empty.wav": r"empty.wav is empty \(0 bytes\); copy or download it again",
        "text.wav": "text.wav is not an audio file that .* can read, or it is damaged .*; check what it is",
        "bytes.raw": "bytes.raw (is not an audio file|has no audio stream)",
        "silent.mp4": "silent.mp4 has no audio stream; name a file that holds sound",
    }.items():
        with pytest.raises(InputError, match=message):
            probe(tmp_path / name)
