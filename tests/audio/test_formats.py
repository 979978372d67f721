import av
import pytest
import soundfile

from bsroformer.audio.formats import DELIVERED, DOWNLOADED, FORMATS


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_library_here_writes_every_subtype_of_a_format(suffix):
    kind = FORMATS[suffix]
    if kind.codec:
        assert av.Codec(kind.codec, "w").name == kind.codec
    else:
        assert all(soundfile.check_format(kind.name, subtype) for subtype in kind.subtypes)


def test_stems_are_delivered_in_the_formats_with_tags():
    assert DELIVERED == ("wav", "flac", "mp3", "ogg", "m4a")
    assert DOWNLOADED == ("wav", "flac", "mp3")


def test_a_lossy_format_supports_stereo_at_its_own_rates_only():
    assert FORMATS["mp3"].supports(44_100, 2)
    assert not FORMATS["mp3"].supports(96_000, 2)
    assert not FORMATS["ogg"].supports(44_100, 6)
    assert FORMATS["flac"].supports(96_000, 6)
