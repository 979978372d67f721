"""Opening of files with FFmpeg, limited to formats that contain their audio."""

from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

_FORMATS = """
    3dostr aa aac aax ac3 ac4 acm act adp ads adx aea afc aiff aix amr amrnb amrwb apac apc ape apm aptx aptx_hd
    argo_asf argo_brp asf asf_o ast au avi avr bfstm boa bonk brstm caf codec2 dcstr dfpwm dhav dsf dss dts dtshd dv
    ea eac3 flac flv fsb fwse g722 g723_1 g726 g726le g728 g729 gsm gxf hca hcom iamf iff ilbc ircam iss ivf kvag
    laf lc3 live_flv loas matroska mca mlp mmf mov mp3 mpc mpc8 mpeg mpegts msf mtaf musx mxf nistsphere nsp nsv nut
    obu ogg oma osq paf pva pvf qcp qoa rka rm rpl rsd rso sap sbc sds sdx shn sln sol sox spdif svag svs swf tak
    thp truehd tta ty vag vividas voc vpk vqf w64 wady wav wavarc wsd wtv wv wve xa xvag xwma
"""
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": ",".join(_FORMATS.split())}
"""FFmpeg's options for unknown files: formats that refer to other files, and network protocols, are excluded.

A playlist (hls, concat, dash, imf, sdp...), under any suffix, would let FFmpeg read the files and addresses in it.
"""
_METADATA: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
"""How PyAV decodes text of a file that is not UTF-8; from version 19 on it cannot be chosen."""
UNKNOWN_CHANNELS = frozenset({"NONE", "UNK", "UNSD", ""})
"""FFmpeg's names of channels without a name."""


def channel_names(stream: AudioStream) -> tuple[str, ...]:
    """Return FFmpeg's names of more than two channels of a stream.

    Returns:
        An empty tuple for mono, stereo and unnamed channels.
    """
    names = tuple(channel.name for channel in stream.layout.channels)
    are_distinct = len(set(names)) == len(names)
    are_known = UNKNOWN_CHANNELS.isdisjoint(names)
    return names if len(names) > 2 and are_distinct and are_known else ()


def read_channel_names(path: str) -> tuple[str, ...]:
    """Read FFmpeg's names of the channels of a file's first audio stream.

    Returns:
        An empty tuple if unknown.
    """
    try:
        with open_container(path) as container:
            return channel_names(container.streams.audio[0]) if container.streams.audio else ()
    except (av.FFmpegError, OSError, UnicodeError):
        return ()


def open_container(path: str) -> InputContainer:
    """Open a file for reading.

    Args:
        path: An absolute path; the beginning of a relative one could be read as a protocol.

    Raises:
        av.FFmpegError: The format is unknown or excluded.
        OSError: The file cannot be read.
        UnicodeError: The file has text that cannot be decoded.
    """
    return av.open(path, options=_OPTIONS, **_METADATA)
