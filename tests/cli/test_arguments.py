"""The command line's values are those of the composed configuration."""

from functools import cache

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf

from bsroformer.cli.composition import Composer
from bsroformer.cli.registry import COMMANDS
from bsroformer.cli.runner import read
from bsroformer.errors import InputError

NAMES = [
    "plain/song.wav",
    "Song (Live).mp3",
    "Tom's.mp3",
    "a=b.mp3",
    "a, b & c.flac",
    "Beyoncé.wav",
    "jó/zef",
    "😀.wav",
    "C:\\Music\\song.wav",
    "[Live] song.wav",
    "'Heroes'.wav",
    '"q".mp3',
    "it\\'s",
    "a b\\",
    "a 'b\\'",
    "${x}.wav",
    "a\\${x}",
    "123",
    "1e5",
    "true",
    "inf",
    "#1 hit",
    "$",
    "{a}",
    " a",
    "a\nb",
]
"""Names of files that mean something else in Hydra's grammar, or nothing."""
AMBIGUOUS = ["'Heroes'", "[MV]", "{a: b}", "null", "x ${oc.env:HOME}", "${paths.runs_dir}"]
"""Names that are values of Hydra's unless a file has the name."""
SAME = [
    ["--input", "a.wav", "--two-stems=vocals"],
    ["--input=a.wav", "two_stems=vocals"],
    ["input=a.wav", "--two_stems", "vocals"],
    ["--two-stems", "vocals", "a.wav"],
    ["two_stems=vocals", "--", "a.wav"],
]


@cache
def composer(command: str) -> Composer:
    """A composer for all tests, which caches its configurations."""
    return Composer(COMMANDS[command].root, [])


def overrides(command: str, *words: str) -> list[str]:
    """The words as Hydra reads them."""
    return read(COMMANDS[command], composer(command), list(words))[1]


def value(override: str) -> object:
    """The value that Hydra and OmegaConf read from an override."""
    return OmegaConf.create({"value": OverridesParser.create().parse_override(override).value()}).value


def composed(command: str, *words: str) -> DictConfig:
    """The tree that a command gets for these words."""
    return composer(command).compose(overrides(command, *words))


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("words", SAME, ids=" ".join)
def test_all_ways_to_give_a_key_mean_the_same(words):
    cfg = composed("separate", *words)
    assert (cfg.input, cfg.two_stems) == ("a.wav", "vocals")


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (["--overwrite", "a.wav"], True),
        (["a.wav", "--overwrite"], True),
        (["--overwrite", "true", "a.wav"], True),
        (["--overwrite", "False", "a.wav"], False),
        (["--overwrite=true", "--no-overwrite", "a.wav"], False),
        (["--overwrite", "-o", "out", "a.wav"], True),
    ],
    ids=str,
)
def test_a_switch_needs_no_value(words, value):
    cfg = composed("separate", *words)
    assert (cfg.overwrite, cfg.input) == (value, "a.wav")


def test_a_switch_may_be_a_sweep_or_a_reference():
    assert overrides("separate", "-m", "--residual", "true,false") == ["residual=true,false"]
    assert composed("separate", "--residual", "${rescale}", "a.wav").residual is False


@pytest.mark.parametrize(("command", "key"), [("separate", "output"), ("train", "paths.output_dir")])
def test_o_is_the_output(command, key):
    for words in (["-o", "out"], ["-o=out"]):
        assert OmegaConf.select(composed(command, *words), key) == "out"


def test_songs_and_options_mix():
    words = ["song.mp3", "other.flac", "--ckpt", "best.ckpt", "--two-stems", "vocals", "-o", "out"]
    cfg = composed("separate", *words)
    assert cfg.input == ["song.mp3", "other.flac"]
    assert (cfg.ckpt, cfg.two_stems, cfg.output) == ("best.ckpt", "vocals", "out")


def test_keys_with_dots_and_groups_are_options_too():
    cfg = composed("train", "--optimizer.lr", "1e-3", "--data.batch-size=2", "--model", "tiny", "--seed", "-1")
    assert (cfg.optimizer.lr, cfg.data.batch_size, cfg.seed) == (1e-3, 2, -1)
    assert cfg.hydra.runtime.choices.model == "tiny"


@pytest.mark.parametrize("name", [*NAMES, *AMBIGUOUS])
def test_a_file_of_any_name_is_read(tmp_path, name):
    if "/" not in name:
        (tmp_path / name).touch()
    [typed] = overrides("separate", f"input={name}")
    assert value(typed) == name
    for words in ([name], ["--input", name], [f"--input={name}"], [typed]):  # the last as processes are started again
        assert [value(override) for override in overrides("separate", *words)] == [name]


@pytest.mark.parametrize("name", ["-x.wav", "--overwrite", "--version", "-m", "input=x"])
def test_names_like_options_come_after_two_dashes(name):
    assert composed("separate", "--", name).input == name


@pytest.mark.parametrize("name", NAMES)
def test_a_path_need_not_exist_to_arrive_as_typed(name):
    for key in ("output", "data.root", "ckpt"):
        [override] = overrides("evaluate", f"{key}={name}")
        assert value(override) == name


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1), min_size=1))
@example(["\\", "'", '"', "\\'", "${", "a\\\\'"])
def test_any_text_is_a_song(names):
    given = composed("separate", "--", *names).input
    assert ([given] if len(names) == 1 else list(given)) == names


def test_a_word_of_the_key_stays_what_the_key_says():
    assert composed("evaluate", "ckpt=null").ckpt is None
    assert composed("train", "data.pack=false").data.pack is False
    assert composed("separate", "output=${paths.runs_dir}/x").output == "runs/x"
    assert composed("separate", "output=null").output == "null"


def test_lists_and_mappings_hold_paths_as_typed():
    assert composed("separate", "input=[Beyoncé.wav,123,Song (Live).mp3]").input == [
        "Beyoncé.wav",
        "123",
        "Song (Live).mp3",
    ]
    cfg = composed("evaluate", "ckpt={lite: é.ckpt, full: [a b.ckpt,hf://o/r/f.ckpt]}", "songs=[Björk,'a, b']")
    assert cfg.ckpt == {"lite": "é.ckpt", "full": ["a b.ckpt", "hf://o/r/f.ckpt"]}
    assert cfg.songs == ["Björk", "a, b"]


@pytest.mark.parametrize(
    ("word", "override"),
    [
        ("ckpt=a.ckpt,é.ckpt", "ckpt=a.ckpt,'é.ckpt'"),
        ("ckpt=choice(a,b)", "ckpt=choice(a,b)"),
        ("overlap=0.25,0.5", "overlap=0.25,0.5"),
    ],
)
def test_a_sweep_stays_a_sweep(word, override):
    assert overrides("separate", "-m", word) == [override]


def test_a_checkpoint_and_an_action_may_be_bare():
    cfg = composed("checkpoint", "average", "a.ckpt", "b c.ckpt")
    assert (cfg.action, cfg.ckpt) == ("average", ["a.ckpt", "b c.ckpt"])
    assert composed("prepare", "check").action == "check"


@pytest.mark.parametrize(
    ("command", "words", "sentence"),
    [
        ("train", ["a.ckpt"], "train takes no bare argument 'a.ckpt'; write key=value"),
        ("train", ["seed"], "seed has no value; write seed=<value>"),
        ("prepare", ["chek"], "did you mean check?"),
        ("separate", ["--two-stems"], "--two-stems has no value"),
        ("separate", ["--two-stems", "-o", "out"], "--two-stems has no value"),
        ("separate", ["--no-two-stems"], "two_stems is not a switch; write --two-stems <value>"),
        ("separate", ["-o"], "-o has no value"),
        ("check-gpu", ["-o", "out"], "check-gpu has no option -o: it writes no files"),
        ("separate", ["--overwrit"], "separate has no key overwrit; did you mean overwrite?"),
        ("separate", ["-x"], "unknown option -x"),
        ("separate", ["a.wav", "input=b.wav"], "a.wav is given beside input="),
        ("separate", [""], "an argument is empty"),
        ("separate", ["input="], "input= is empty"),
    ],
)
def test_what_is_not_in_the_grammar_is_refused(command, words, sentence):
    with pytest.raises(InputError) as refused:
        composed(command, *words)
    assert sentence in str(refused.value)
