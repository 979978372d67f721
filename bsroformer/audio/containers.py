"""Files that FFmpeg opens here: those that hold their sound themselves."""

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
"""A playlist, whatever it is called, would have FFmpeg read files it names: of this machine, or the network.

So formats that lead to other files (hls, concat, dash, imf, sdp...) and ways to other machines are left out.
"""


def channel_names(stream: AudioStream) -> tuple[str, ...]:
    """FFmpeg's names of a stream's channels, if there are more than two and all have one."""
    names = tuple(channel.name for channel in stream.layout.channels)
    known = len(names) > 2 and len(set(names)) == len(names) and not {"NONE", "UNK", "UNSD", ""}.intersection(names)
    return names if known else ()


def names_in(path: str) -> tuple[str, ...]:
    """FFmpeg's names of the channels of a file's first audio stream; empty where it cannot tell."""
    try:
        with open_container(path) as container:
            return channel_names(container.streams.audio[0]) if container.streams.audio else ()
    except (av.FFmpegError, OSError, UnicodeError):
        return ()


def open_container(path: str) -> InputContainer:
    """Open a file for reading.

    Args:
        path: Absolute, or its beginning might be taken for a protocol.

    Raises:
        av.FFmpegError: It is none of these formats.
        OSError: It cannot be read.
        UnicodeError: It says something that is no text.
    """
    return av.open(path, options=_OPTIONS, metadata_errors="replace")
