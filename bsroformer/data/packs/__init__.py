"""Songs prepared for training: decoded once into an array that is read at memory speed, with an index of levels.

A pack is a folder with one for each song: see `packed_song`. It is a copy: nothing but time is lost with it.
"""

from bsroformer.data.packs.plan import PackPlan, check_mend, plan_packs, refuse_full_disk
from bsroformer.data.packs.prepare import pack_songs
from bsroformer.data.packs.training_songs import TrainingSongs, saving, songs_of_pack_alone, training_songs

__all__ = [
    "PackPlan",
    "TrainingSongs",
    "check_mend",
    "pack_songs",
    "plan_packs",
    "refuse_full_disk",
    "saving",
    "songs_of_pack_alone",
    "training_songs",
]
