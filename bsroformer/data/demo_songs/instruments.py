"""General MIDI numbers of the demo songs' instruments, and of the drums of a kit.

Numbers count from 0, as in a MIDI file.
"""

KITS = {"standard": 0, "room": 8, "power": 16, "electronic": 24, "808": 25, "jazz": 32, "brush": 40}

BASSES = {
    "acoustic bass": 32,
    "fingered bass": 33,
    "picked bass": 34,
    "fretless bass": 35,
    "slap bass": 36,
    "slap bass 2": 37,
    "synth bass": 38,
    "synth bass 2": 39,
}

KEYBOARDS = {
    "piano": 0,
    "bright piano": 1,
    "electric grand": 2,
    "honky-tonk": 3,
    "rhodes": 4,
    "fm piano": 5,
    "clavinet": 7,
    "music box": 10,
    "vibraphone": 11,
    "marimba": 12,
    "dulcimer": 15,
    "drawbar organ": 16,
    "percussive organ": 17,
    "rock organ": 18,
    "reed organ": 20,
    "accordion": 21,
    "kalimba": 108,
    "steel drum": 114,
}

STRINGS = {
    "nylon guitar": 24,
    "steel guitar": 25,
    "jazz guitar": 26,
    "clean guitar": 27,
    "muted guitar": 28,
    "overdriven guitar": 29,
    "distortion guitar": 30,
    "violin": 40,
    "cello": 42,
    "pizzicato": 45,
    "harp": 46,
    "strings": 48,
    "slow strings": 49,
    "synth strings": 50,
    "banjo": 105,
}

WINDS = {
    "harmonica": 22,
    "trumpet": 56,
    "trombone": 57,
    "muted trumpet": 59,
    "french horn": 60,
    "brass": 61,
    "alto sax": 65,
    "tenor sax": 66,
    "oboe": 68,
    "clarinet": 71,
    "flute": 73,
    "pan flute": 75,
}

SYNTHESISERS = {
    "synth brass": 62,
    "square lead": 80,
    "saw lead": 81,
    "charang": 84,
    "fantasia": 88,
    "warm pad": 89,
    "polysynth": 90,
    "sweep pad": 95,
    "crystal": 98,
    "atmosphere": 99,
}

VOICES = {"choir aahs": 52, "voice oohs": 53, "synth voice": 54, "solo vox": 85, "breath noise": 121}

PROGRAMS = KITS | BASSES | KEYBOARDS | STRINGS | WINDS | SYNTHESISERS | VOICES

DRUM_KEYS = {
    "kick": 36,
    "stick": 37,
    "snare": 38,
    "clap": 39,
    "floor": 41,
    "hat": 42,
    "pedal": 44,
    "low": 45,
    "open": 46,
    "mid": 47,
    "crash": 49,
    "high": 50,
    "ride": 51,
    "tambourine": 54,
    "cowbell": 56,
    "conga-mute": 62,
    "conga": 63,
    "conga-low": 64,
    "maracas": 70,
    "claves": 75,
}
