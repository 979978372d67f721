"""Band layouts of every kind that the grouped layers must handle."""

from bsroformer.models.bs_roformer.bands import BandLayout, fixed_bands, mel_bands

LAYOUTS = {
    "in order": fixed_bands([2, 2, 2, 4, 4, 5], 19),
    "widths mixed": fixed_bands([2, 4, 5, 2, 4], 17),  # grouping and its inverse are two permutations
    "one band": fixed_bands([9], 9),
    "bands not ascending": BandLayout(((0,), (2, 3), (1,)), 4),
    "overlapping": BandLayout(((0, 1, 2), (1,), (2, 3, 4), (4,)), 5),
    "mel": mel_bands(8, 128, 16_000),
}
