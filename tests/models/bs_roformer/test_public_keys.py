"""The mapping from the public layout to this project's weights."""

import pytest
import torch
from hypothesis import given, settings

from bsroformer.errors import InputError
from bsroformer.models import ModelSettings
from bsroformer.models.bs_roformer import BandSplitRoformer
from bsroformer.models.bs_roformer.public.keys import key_shapes, public_weights, tensor_slots
from bsroformer.models.bs_roformer.public.options import OPTIONS, options_of, settings_of
from bsroformer.models.empty_model import blank_model, skeleton
from support import public_model
from support.public_options import public_options


def model_settings(kind, options) -> ModelSettings:
    known = {key: value for key, value in options.items() if key != "match_input_audio_length"}
    stems = tuple(f"s{number}" for number in range(options["num_stems"]))
    return settings_of(OPTIONS[kind].model_validate(known), stems, 8_000, 1.0, "test")


@settings(max_examples=40, deadline=None)
@given(model=public_options())
def test_keys_and_shapes_equal_the_public_code(model):
    kind, options = model
    assert key_shapes(model_settings(kind, options)) == public_model.key_shapes(kind, options)


@settings(max_examples=40, deadline=None)
@given(model=public_options())
def test_options_survive_a_round_trip_through_settings(model):
    kind, options = model
    found = options_of(model_settings(kind, options)).model_dump()
    expected = {key: value for key, value in options.items() if key != "match_input_audio_length"}
    if not (kind == "bs" and options["mask_estimator_depth"] == 1):  # without hidden layers their width is unused
        assert found["mlp_expansion_factor"] == expected["mlp_expansion_factor"]
    given_bands = tuple(expected.pop("freqs_per_bands", ()))
    assert tuple(found.get("freqs_per_bands", ())) == given_bands
    assert {key: found[key] for key in expected} == expected


@settings(max_examples=40, deadline=None)
@given(model=public_options())
def test_slots_cover_each_unshared_weight_once(model):
    settings_ = model_settings(*model)
    covered = {name: torch.zeros(tensor.shape) for name, tensor in skeleton(settings_).state_dict().items()}
    for slot in tensor_slots(settings_):
        covered[slot.ours][slot.index] += 1
    for name, times in covered.items():
        assert (times == times.flatten()[0]).all() and times.min() >= 1
        assert times.max() == 1 or name.endswith("inverse_frequencies")


def test_public_weights_are_copies(tiny_model):
    before = {name: tensor.clone() for name, tensor in tiny_model.state_dict().items()}
    for tensor in public_weights(tiny_model.state_dict(), tiny_model.settings).values():
        tensor.zero_()
    torch.testing.assert_close(tiny_model.state_dict(), before, rtol=0, atol=0)


def test_a_blank_model_draws_nothing_and_has_its_buffers(tiny_model):
    state = torch.random.get_rng_state()
    blank = blank_model(tiny_model.settings)
    assert torch.equal(torch.random.get_rng_state(), state)
    blank.load_state_dict(tiny_model.state_dict())
    mixture = torch.randn(1, 2, 400)
    assert torch.equal(blank(mixture), tiny_model(mixture))
    assert not torch.equal(BandSplitRoformer(tiny_model.settings)(mixture), tiny_model(mixture))


def test_a_skeleton_takes_no_memory(tiny_model):
    assert {tensor.device.type for tensor in skeleton(tiny_model.settings).state_dict().values()} == {"meta"}
    huge = tiny_model.settings.model_copy(
        update={"trunk": tiny_model.settings.trunk.model_copy(update={"dim": 10**6, "heads": 10**3})}
    )
    assert sum(weight.numel() for weight in skeleton(huge).parameters()) > 10**12


@pytest.mark.parametrize("kind", ["bs", "mel"])
def test_defaults_equal_the_public_code(kind):
    defaults = OPTIONS[kind].model_validate({"dim": 8, "depth": 1}).model_dump(mode="json")
    for option, value in public_model.DEFAULTS[kind].items():
        if option != "match_input_audio_length":
            assert defaults[option] == (list(value) if isinstance(value, tuple) else value), option


def test_stems_that_share_hidden_layers_are_written_apart(tiny_tree):
    masks = {"expansion": 1, "hidden_layers": 2}
    torch.manual_seed(0)
    shared = BandSplitRoformer(ModelSettings.from_dict({**tiny_tree, "masks": {**masks, "shared": True}})).eval()
    apart = blank_model(ModelSettings.from_dict({**tiny_tree, "masks": masks}))
    public = public_weights(shared.state_dict(), shared.settings)
    assert {name: tensor.shape for name, tensor in public.items()} == key_shapes(apart.settings)
    weights = dict(apart.state_dict())
    for slot in tensor_slots(apart.settings):
        weights[slot.ours][slot.index] = public[slot.theirs]
    apart.load_state_dict(weights)
    mixture = torch.randn(1, shared.channels, 4000)
    torch.testing.assert_close(apart(mixture), shared(mixture))


def test_convolutions_have_no_public_layout(tiny_tree):
    tiny_tree["trunk"]["convolution"] = {"hidden": 6}
    with pytest.raises(InputError, match=r"no model with model\.trunk\.convolution; use action=convert"):
        options_of(ModelSettings.from_dict(tiny_tree))
