"""Help and completion read the keys and comments that Hydra composes."""

from collections import Counter

import pytest
import yaml

from bsroformer.cli.composition import Composer, all_keys
from bsroformer.cli.config_file import read_config_file
from bsroformer.cli.config_tree import options_of, read_config_tree
from bsroformer.cli.registry import COMMANDS
from bsroformer.errors import InputError
from support.launched import CONFIGS

ROOTS = [command.root for command in COMMANDS.values()]
CHOICES = [
    {"model": "paper"},
    {"model": "lite_mel", "augment": "small_data", "trainer": "rtx3050"},
    {"experiment": "compare"},
    {"callbacks": ["default", "budget"], "loss": "multi_domain_and_resolution"},
    {"debug": "profile", "data": "demo", "logger": "none"},
    {"experiment": "overfit_song", "scheduler": "plateau"},
]
FILE = """\
# What the file is.
# @package _global_
defaults:
  - _self_

## Section
a: 1 # behind
# above
# in two lines
b: "x # y" # and behind
c: [1, 2] # of a list
d:
  e: null # inner
  # above inner
  f: ${a}
g: | # of a block
  text # no comment
h: {}
"""


@pytest.mark.parametrize("root", ROOTS)
def test_the_keys_and_choices_are_those_of_hydra(root):
    tree = read_config_tree(root, [CONFIGS])
    composed = Composer(root, []).compose([])
    assert_same(tree, composed)


@pytest.mark.parametrize("choices", CHOICES, ids=str)
def test_the_keys_follow_the_choices_as_in_hydra(choices):
    words = [f"{group}={choice}".replace(" ", "") for group, choice in choices.items()]
    assert_same(read_config_tree("train", [CONFIGS], choices), Composer("train", []).compose(words))


def assert_same(tree, composed):
    known = all_keys(composed)
    leaves = {key for key in known if not any(other.startswith(f"{key}.") for other in known)}
    assert {key.name for key in tree.leaves} == leaves - {*tree.choices}  # a group may have nothing in it
    chosen = composed.hydra.runtime.choices
    choices = {group: choice for group, choice in tree.choices.items() if not isinstance(choice, list)}
    assert choices == {group: chosen[group] for group in choices}


@pytest.mark.parametrize("root", ROOTS)
def test_every_key_is_explained(root):
    leaves = [key for key in read_config_tree(root, [CONFIGS]).leaves if not key.is_internal]
    assert not [key.name for key in leaves if not key.entry.comment and not key.name.startswith("benchmark.")]


@pytest.mark.parametrize("root", ROOTS)
def test_every_choice_of_a_group_is_explained(root):
    for group in read_config_tree(root, [CONFIGS]).choices:
        options = options_of(group, [CONFIGS])
        assert not [name for name, path in options.items() if not read_config_file(path).summary], group


@pytest.mark.parametrize("root", ROOTS)
def test_a_root_config_starts_with_its_purpose_and_examples(root):
    header = read_config_file(CONFIGS / f"{root}.yaml").header
    [name] = [command.name for command in COMMANDS.values() if command.root == root]
    assert header[0].endswith(".") or header[1]
    assert any(line.startswith(f"  bsroformer {name}") for line in header)


def test_no_key_of_a_root_config_is_explained_twice():
    """Alternatives in one group may explain the keys that they alone have."""
    files = [*(CONFIGS / "model").rglob("*.yaml"), *(CONFIGS / "trainer").rglob("*.yaml")]
    explained = Counter(
        (path.relative_to(CONFIGS).parts[0], entry.comment)
        for path in files
        for entry in read_config_file(path).entries
        if entry.comment
    )
    assert [comment for comment, count in explained.items() if count > 1] == []


def test_comments_belong_to_the_keys_beside_and_below_them(tmp_path):
    (tmp_path / "x.yaml").write_text(FILE)
    file = read_config_file(tmp_path / "x.yaml")
    assert (file.summary, file.package, file.defaults) == ("What the file is.", "_global_", ("_self_",))
    assert {entry.key: entry.comment for entry in file.entries} == {
        "a": "behind",
        "b": "above in two lines and behind",
        "c": "of a list",
        "d": "",
        "d.e": "inner",
        "d.f": "above inner",
        "g": "of a block",
        "h": "",
    }
    assert {entry.section for entry in file.entries} == {"Section"}
    values = {entry.key: entry.value for entry in file.entries if entry.is_leaf}
    tree = yaml.safe_load(FILE)
    assert values == {**{key: tree[key] for key in "abcgh"}, "d.e": None, "d.f": "${a}"}


def test_a_choice_that_a_group_lacks_is_refused():
    with pytest.raises(InputError, match=r"model=ltie must be one of .*did you mean lite\?"):
        read_config_tree("train", [CONFIGS], {"model": "ltie"})


def test_a_folder_of_the_user_adds_keys_and_choices(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.yaml").write_text("# Mine.\nextra: 1 # of mine\n")
    folders = [CONFIGS, tmp_path]
    assert "mine" in options_of("model", folders)
    tree = read_config_tree("train", folders, {"model": "mine"})
    assert tree.keys["model.extra"].entry.comment == "of mine"
    assert "model.trunk.dim" not in tree.keys


def test_switches_are_the_keys_that_are_true_or_false():
    switches = read_config_tree("separate", [CONFIGS]).switches
    assert {"overwrite", "residual", "rescale", "downmix", "compile"} == switches
