import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from bsroformer.errors import InputError
from bsroformer.models import ModelSettings


def test_settings_survive_a_round_trip_through_json(tiny_tree):
    tiny_tree["bands"] = {"layout": "mel", "count": 5}
    for tree in (tiny_tree, tiny_tree | {"bands": {"layout": "fixed", "widths": [[2, 2], [1, 13]]}}):
        settings = ModelSettings.from_dict(tree)
        plain = settings.model_dump(mode="json")
        assert ModelSettings.from_dict(json.loads(json.dumps(plain))) == settings
        assert all(plain[key] == value for key, value in tree.items() if not isinstance(value, dict))
        assert plain["bands"].items() >= tree["bands"].items()


def test_default_settings_are_those_of_the_paper(tiny_tree):
    settings = ModelSettings.from_dict(tiny_tree)
    assert (settings.trunk.time_depth, settings.trunk.band_depth, settings.masks.hidden_layers) == (1, 1, 1)
    assert (settings.trunk.dropout, settings.trunk.skip_connection, settings.masks.zero_dc) == (
        0,
        False,
        False,
    )


def test_settings_cannot_be_changed(tiny_tree):
    with pytest.raises(ValidationError, match="frozen"):
        ModelSettings.from_dict(tiny_tree).trunk.depth = 3


FAULTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "trunk.depht": lambda tree: tree["trunk"].update(depht=3),
    "colour": lambda tree: tree.update(colour="red"),
    "trunk.dim": lambda tree: tree["trunk"].pop("dim"),
    "stft": lambda tree: tree.pop("stft"),
    "trunk.heads": lambda tree: tree["trunk"].update(heads=0),
    "trunk.dim_head": lambda tree: tree["trunk"].update(dim_head=5),
    "trunk.dropout": lambda tree: tree["trunk"].update(dropout=1.0),
    "trunk.norm": lambda tree: tree["trunk"].update(norm="none"),
    "trunk.depth": lambda tree: tree["trunk"].update(depth=1.5),
    "masks.hidden_layers": lambda tree: tree["masks"].update(hidden_layers=-1),
    "masks": lambda tree: tree.update(masks=[]),
    "stems": lambda tree: tree.update(stems=[]),
    "stems: stems must": lambda tree: tree.update(stems=["vocals", "vocals"]),
    "stems: stems must have different names": lambda tree: tree.update(stems=["vocals", "Vocals"]),
    "trunk: must have at most 1024 layers": lambda tree: tree["trunk"].update(depth=256, time_depth=9),
    "at most 65536 layers": lambda tree: tree.update(bands={"layout": "mel", "count": 4000}, stems=list("abcdefghij")),
    "at most 1048576 features": lambda tree: tree["trunk"].update(dim=2**12) or tree["masks"].update(expansion=2**12),
    "chunk_seconds must be at least one hop": lambda tree: tree.update(chunk_seconds=1e-4),
    "trunk.dim: input should be less": lambda tree: tree["trunk"].update(dim=10**12),
    "stft.n_fft: input should be less": lambda tree: tree["stft"].update(n_fft=4 * 10**8),
    "stems: '../x'": lambda tree: tree.update(stems=["../x"]),
    "chunk_seconds": lambda tree: tree.update(chunk_seconds=0),
    "channels": lambda tree: tree.update(channels="two"),
    "hop_length": lambda tree: tree["stft"].update(hop_length=32),
    "stft.hop_length": lambda tree: tree["stft"].update(hop_length=0),
    "win_length must": lambda tree: tree["stft"].update(win_length=33),
    "bands": lambda tree: tree.update(bands={"layout": "bark", "count": 3}),
    "count": lambda tree: tree.update(bands={"layout": "mel", "count": 0}),
    "widths": lambda tree: tree.update(bands={"layout": "fixed", "widths": [[1]]}),
}


@pytest.mark.parametrize("key", FAULTS)
def test_a_wrong_key_is_named_in_one_sentence(tiny_tree, key):
    FAULTS[key](tiny_tree)
    with pytest.raises(InputError) as error:
        ModelSettings.from_dict(tiny_tree, "some/file.ckpt")
    message = str(error.value)
    assert message.startswith("some/file.ckpt does not describe a model: ")
    assert key in message
    assert "\n" not in message


def test_all_faults_are_reported_at_once(tiny_tree):
    tiny_tree["trunk"] |= {"heads": 0, "depht": 3}
    with pytest.raises(InputError, match=r"trunk\.heads: .*; trunk\.depht: "):
        ModelSettings.from_dict(tiny_tree)


@pytest.mark.parametrize("tree", [None, [1], "model"])
def test_settings_must_be_a_mapping(tree):
    with pytest.raises(InputError, match="does not describe a model"):
        ModelSettings.from_dict(tree)


@pytest.mark.parametrize(("window", "hop"), [(32, 16), (32, 17), (32, 31), (2048, 1900), (2048, 2046), (2048, 2047)])
def test_a_hop_is_legal_where_torch_can_invert_it(tiny_tree, window, hop):
    tiny_tree["chunk_seconds"] = 1.0
    tiny_tree["stft"] = {"n_fft": 2048, "hop_length": hop, "win_length": window}
    tiny_tree["bands"]["widths"] = [[1, 1025]]
    spectrum = torch.stft(torch.randn(8 * 2048), 2048, hop, window, torch.hann_window(window), return_complex=True)
    try:
        torch.istft(spectrum, 2048, hop, window, torch.hann_window(window), length=5 * hop)
    except RuntimeError:
        with pytest.raises(InputError, match="hop_length is too long"):
            ModelSettings.from_dict(tiny_tree)
    else:
        assert ModelSettings.from_dict(tiny_tree).stft.hop_length == hop


BAD_NAMES = [
    *["", ".", "..", ".hidden", "a/b", "a\\b", "a:b", "a\nb", " a", "a.", "a ", "CON", "nul.x"],
    *["x" * 201, "漢" * 100, "\ud800", "a\u202eb"],
]


@pytest.mark.parametrize("stem", BAD_NAMES)
def test_stems_must_be_legal_file_names(tiny_tree, stem):
    with pytest.raises(InputError, match="cannot name a file"):
        ModelSettings.from_dict(tiny_tree | {"stems": [stem]})
    assert ModelSettings.from_dict(tiny_tree | {"stems": ["No Drum-Bass (v2)"]})
