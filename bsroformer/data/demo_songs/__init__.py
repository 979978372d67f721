"""A small multitrack set that needs no download.

It is composed by rules and played by sampled instruments.

Music theory writes the notes, a General MIDI synthesiser plays them through a SoundFont, and a small mixing
desk turns them into stems. From the top down::

    render_set    the set on disk: in parallel, in MUSDB18-HQ's layout, safe to interrupt
    mixdown       a song to its four stems: panorama, tone, reverberation, levels
    channels      the settings of each stem's channel strip
    synthesiser   parts to audio;  vowels: the formants of the singers
    composition   key, form, and players;  band, melody: their parts
    styles_pop, styles_roots    grooves, bass lines, riffs and instruments, as text
    harmony       chords, scales, voice leading;  score: notes, parts, sections, and the reading of patterns
"""

from bsroformer.data.demo_songs.channels import Mixing
from bsroformer.data.demo_songs.mixdown import Sound
from bsroformer.data.demo_songs.render_set import DEMO_VERSION, render_demo_set
from bsroformer.data.demo_songs.titles import song_names

__all__ = ["DEMO_VERSION", "Mixing", "Sound", "render_demo_set", "song_names"]
