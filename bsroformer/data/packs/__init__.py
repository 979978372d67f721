"""Packs: tracks decoded once into an array, with their levels.

A pack folder contains one folder for each track: see `packed_track`. It is a copy: deleting it costs nothing but time.
"""

from bsroformer.data.packs.manifest import packed_terms
from bsroformer.data.packs.plan import PackPlan, check_mend, pack_tracks, plan_packs, refuse_full_disk
from bsroformer.data.packs.training_tracks import TrainingTracks, estimate_packing, tracks_of_pack, training_tracks

__all__ = [
    "PackPlan",
    "TrainingTracks",
    "check_mend",
    "estimate_packing",
    "pack_tracks",
    "packed_terms",
    "plan_packs",
    "refuse_full_disk",
    "tracks_of_pack",
    "training_tracks",
]
