"""Songs prepared for training: decoded once into an array that is read at memory speed, with an index of levels.

A pack is a folder with one for each song: see `packed_song`. It is a copy: nothing but time is lost with it.
"""

from bsroformer.data.packs.plan import PackPlan, check_mend, plan_packs, refuse_full_disk
from bsroformer.data.packs.prepare import pack_tracks
from bsroformer.data.packs.training_tracks import TrainingTracks, saving, tracks_of_pack, training_tracks

__all__ = [
    "PackPlan",
    "TrainingTracks",
    "check_mend",
    "pack_tracks",
    "plan_packs",
    "refuse_full_disk",
    "saving",
    "tracks_of_pack",
    "training_tracks",
]
