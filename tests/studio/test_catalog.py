import json
import os
from pathlib import Path

import pytest
import torch

from bsroformer.checkpoints.save import save_model, save_public, save_weights
from bsroformer.errors import InputError
from bsroformer.studio.catalog import options_from_paths, options_in_folder


@pytest.fixture
def made(tiny_model, tmp_path):
    """Write checkpoints, each a minute newer than the previous one."""
    ages = iter(range(60, 3600, 60))

    def make(name: str, **facts) -> Path:
        path = tmp_path / name
        if path.suffix == ".safetensors":
            save_model(tiny_model, path)
        else:
            save_weights(tiny_model, path, facts)
        os.utime(path, (next(ages),) * 2)
        return path

    return make


def validated(name: str, score: object = 3.25, monitor: str = "val/si_sdr") -> dict:
    state = {"monitor": monitor, "best_model_path": f"/elsewhere/checkpoints/{name}", "best_model_score": score}
    return {"Timer": {"time_elapsed": 3.0}, "ModelCheckpoint{'mode': 'max'}": state}


def scored(run: Path, checkpoint: object = "/elsewhere/checkpoints/best.ckpt", metric: str = "SI-SDR") -> dict:
    """Write the part of an evaluation's results that the menu reads."""
    floor = {"name": "mixture", "kind": "mixture", "scores": {row: {metric: -4.0} for row in ("vocals", "mean")}}
    scores = {"vocals": {metric: 7.5}, "other": {metric: None}, "mean": {metric: 7.54}}
    tree = {
        "methods": [floor, {"name": "model", "kind": "model", "scores": scores}],
        "made": {"methods": {"model": {"checkpoint": checkpoint}}},
    }
    written(run, json.dumps(tree))
    return tree


def written(run: Path, text: str) -> None:
    (run / "evaluation").mkdir(parents=True, exist_ok=True)
    (run / "evaluation" / "results.json").write_text(text, encoding="utf-8")


def names(offers) -> list[str]:
    return [offer.name for offer in offers]


# Checkpoints in the menu


def test_a_folder_is_searched_recursively_newest_first(made, tmp_path):
    for name in ("b.ckpt", "x/y/c.safetensors", "x/a.pth", "d.pt"):
        made(name)
    (tmp_path / "notes.txt").touch()
    assert names(options_in_folder(tmp_path)) == ["d", "a", "c", "b"]


def test_an_option_describes_its_checkpoint(made, tmp_path):
    path = made("small.ckpt")
    [offer] = options_in_folder(tmp_path)
    assert (offer.path, offer.config, offer.stems, offer.sample_rate) == (str(path), None, ("vocals", "other"), 8000)
    assert (offer.metric, offer.score, offer.scores) == (None, None, {})
    assert offer.label == "small · vocals, other"


@pytest.mark.parametrize("chosen", ["best.ckpt", "average.ckpt", "last.ckpt"])
def test_a_run_has_one_option(made, tmp_path, chosen):
    in_order = ["best.ckpt", "average.ckpt", "last.ckpt"]
    for name in (*in_order[in_order.index(chosen) :], "previous.ckpt", "candidates/step-000003.ckpt"):
        made(f"run/checkpoints/{name}")
    [offer] = options_in_folder(tmp_path)
    assert (offer.name, Path(offer.path).name) == ("run", chosen)


def test_a_run_s_own_folders_are_searched_alike(made, tmp_path, monkeypatch):
    for name in ("best", "last"):
        made(f"run/checkpoints/{name}.ckpt")
    assert names(options_in_folder(tmp_path / "run" / "checkpoints")) == ["run"]
    monkeypatch.chdir(tmp_path / "run" / "checkpoints")
    assert [Path(offer.path) for offer in options_in_folder(Path())] == [Path("best.ckpt")]


def test_the_average_is_preferred_if_the_run_chose_it(made, tmp_path):
    for name in ("best", "average", "last"):
        made(f"run/checkpoints/{name}.ckpt")
    scored(tmp_path / "run", "/elsewhere/checkpoints/average.ckpt")
    [offer] = options_in_folder(tmp_path)
    assert (Path(offer.path).name, offer.score) == ("average.ckpt", 7.54)


def test_a_checkpoints_folder_without_a_run_is_searched(made, tmp_path):
    for name in ("one", "two"):
        made(f"checkpoints/{name}.ckpt")
    assert names(options_in_folder(tmp_path)) == ["two", "one"]


def test_hidden_and_unfinished_files_are_no_choices(made, tmp_path):
    made(".cache/a.ckpt")
    made(".b.ckpt")
    made("c.ckpt").rename(tmp_path / "c.ckpt.part")
    made("d.ckpt")
    assert names(options_in_folder(tmp_path)) == ["d"]


def test_unusable_files_are_skipped_with_a_warning(made, tmp_path, caplog):
    made("good.ckpt")
    (tmp_path / "torn.ckpt").write_bytes((tmp_path / "good.ckpt").read_bytes()[:-100])
    (tmp_path / "letter.pt").write_text("Dear reader")
    assert names(options_in_folder(tmp_path)) == ["good"]
    for message, name in zip(sorted(caplog.messages), ("letter.pt", "torn.ckpt"), strict=True):
        assert message.startswith(f"Skipping a checkpoint: {tmp_path / name} is not a checkpoint")


def test_weights_that_contradict_their_settings_are_skipped(tmp_path, made, caplog):
    made("good.ckpt")
    weights = torch.load(made("bad.ckpt"))
    weights["state_dict"].popitem()
    torch.save(weights, tmp_path / "bad.ckpt")
    assert names(options_in_folder(tmp_path)) == ["good"]
    assert "bad.ckpt" in caplog.text
    with pytest.raises(InputError, match=r"bad\.ckpt"):
        options_from_paths([str(tmp_path / "bad.ckpt")])


def test_a_damaged_best_checkpoint_is_replaced_by_the_next(made, tmp_path, caplog):
    made("run/checkpoints/last.ckpt")
    (tmp_path / "run" / "checkpoints" / "best.ckpt").write_bytes(b"PK")
    [offer] = options_in_folder(tmp_path)
    assert Path(offer.path).name == "last.ckpt"
    assert "best.ckpt" in caplog.text


@pytest.mark.parametrize("folder", [".", "nowhere"])
def test_an_empty_folder_reports_how_to_train(tmp_path, folder):
    with pytest.raises(
        InputError, match=r"no usable checkpoint in .* with bsroformer train experiment=demo, .* ckpt=<file>"
    ):
        options_in_folder(tmp_path / folder)


# Order


def test_the_best_evaluated_run_comes_first_then_the_validated(made, tmp_path):
    for name, score in (("unscored", None), ("poor", 1.0), ("fair", 3.0)):
        made(f"{name}/checkpoints/best.ckpt", callbacks=validated("best.ckpt", score))
    for name in ("tested", "weaker"):
        made(f"{name}/checkpoints/best.ckpt")
        scored(tmp_path / name)
    results = tmp_path / "weaker" / "evaluation" / "results.json"
    results.write_text(results.read_text().replace("7.54", "2.5"))
    made("newest.ckpt")
    assert names(options_in_folder(tmp_path)) == ["tested", "weaker", "fair", "poor", "newest", "unscored"]


@pytest.mark.parametrize(
    "config",
    [
        "callbacks: {same_batch: {batches: 1}}",
        "data: {overfit_songs: 1}",
        "trainer: {fast_dev_run: 2}",
        "trainer: {overfit_batches: 0.5}",
    ],
)
def test_a_debug_run_never_comes_first(made, tmp_path, config, caplog):
    made("plain/checkpoints/best.ckpt", callbacks=validated("best.ckpt", 1.0))
    made("debug/checkpoints/best.ckpt", callbacks=validated("best.ckpt", 30.0))
    (tmp_path / "debug" / "config.yaml").write_text(config)
    offers = options_in_folder(tmp_path)
    assert names(offers) == ["plain", "debug"]
    assert offers[1].label.endswith(" · debug run")
    assert not caplog.messages


@pytest.mark.parametrize("config", ["", "[", "- 1", "callbacks: 3", "trainer: {fast_dev_run: false}", "\0"])
def test_a_run_without_a_sign_of_debugging_is_an_ordinary_one(made, tmp_path, config):
    made("run/checkpoints/best.ckpt")
    (tmp_path / "run" / "config.yaml").write_text(config)
    assert [offer.debug for offer in options_in_folder(tmp_path)] == [False]


def test_a_score_below_0_db_is_last_and_causes_a_warning(made, tmp_path, caplog):
    made("short/checkpoints/best.ckpt", callbacks=validated("best.ckpt", -5.4))
    assert names(options_in_folder(tmp_path)) == ["short"]
    assert "short · vocals, other · validation SI-SDR -5.4 dB" in caplog.text
    made("unknown.ckpt")
    assert names(options_in_folder(tmp_path)) == ["unknown", "short"]


def test_jobs_of_a_sweep_are_grouped_under_its_name(made, tmp_path):
    for name, score in (("sweep/0", 1.0), ("alone", 2.0), ("sweep/1", 3.0)):
        made(f"{name}/checkpoints/best.ckpt", callbacks=validated("best.ckpt", score))
    assert names(options_in_folder(tmp_path)) == ["sweep/1", "sweep/0", "alone"]


# Named checkpoints


def test_files_and_folders_keep_the_order_of_the_input(made, tmp_path):
    first, in_folder = made("z.ckpt"), made("folder/y.ckpt")
    made("folder/x.ckpt")
    assert names(options_from_paths([str(first), str(in_folder.parent)])) == ["z", "x", "y"]


def test_duplicate_paths_give_one_option(made, tmp_path):
    path = made("folder/a.ckpt")
    made("folder/b.ckpt")
    (tmp_path / "link.ckpt").symlink_to(path)
    assert names(options_from_paths([str(path), str(path.parent), str(tmp_path / "link.ckpt")])) == ["a", "b"]


def test_a_file_that_a_folder_search_skips_can_be_named(made):
    paths = [made(f"run/checkpoints/{name}.ckpt") for name in ("best", "previous")]
    assert names(options_from_paths([str(path) for path in paths])) == ["run/best.ckpt", "run/previous.ckpt"]


@pytest.mark.parametrize(
    ("name", "reason"), [("nowhere.ckpt", r"no checkpoint at .*nowhere\.ckpt"), ("letter.ckpt", r"letter\.ckpt is not")]
)
def test_a_named_file_that_cannot_be_opened_is_an_error(made, tmp_path, name, reason):
    (tmp_path / "letter.ckpt").write_text("Dear reader")
    with pytest.raises(InputError, match=reason):
        options_from_paths([str(made("good.ckpt")), str(tmp_path / name)])


def test_a_public_checkpoint_has_its_yaml(tmp_path, tiny_model):
    config = save_public(tiny_model, tmp_path / "public.ckpt").rename(tmp_path / "other.yaml")
    [offer] = options_from_paths([str(tmp_path / "public.ckpt")], [str(config)])
    assert (offer.config, offer.stems) == (str(config), ("vocals", "other"))
    with pytest.raises(InputError, match=r"config=x\.yaml belongs to one checkpoint, but .* is a folder"):
        options_from_paths([str(tmp_path)], ["x.yaml"])


def test_an_address_on_the_hub_is_opened_where_the_hub_puts_it(made, monkeypatch):
    cached = made("snapshots/model.ckpt")
    monkeypatch.setattr("bsroformer.checkpoints.hub.download_if_present", lambda reference: cached)
    [offer] = options_from_paths(["hf://owner/repository/model.ckpt"])
    assert (offer.name, offer.path) == ("repository", "hf://owner/repository/model.ckpt")


def test_options_have_unique_names(made, tmp_path):
    for name in ("u/demo/checkpoints/best.ckpt", "v/demo/checkpoints/best.ckpt", "w.ckpt"):
        made(name)
    assert names(options_in_folder(tmp_path)) == ["w", "v/demo", "u/demo"]


# Facts about a checkpoint


def test_the_scores_of_the_evaluation_are_used(made, tmp_path):
    made("run/checkpoints/best.ckpt", callbacks=validated("best.ckpt"))
    scored(tmp_path / "run")
    [offer] = options_in_folder(tmp_path)
    assert (offer.metric, offer.score, offer.scores) == ("SI-SDR", 7.54, {"vocals": 7.5})
    assert offer.label == "run · vocals, other · SI-SDR 7.5 dB"


def test_an_evaluation_without_si_sdr_uses_other_metrics(made, tmp_path):
    made("run/checkpoints/best.ckpt")
    scored(tmp_path / "run", metric="cSDR")
    [offer] = options_in_folder(tmp_path)
    assert (offer.metric, offer.score) == ("cSDR", 7.54)


@pytest.mark.parametrize("score", [3.25, torch.tensor(3.25)])
def test_without_an_evaluation_the_validation_is_used(made, tmp_path, score):
    made("run/checkpoints/best.ckpt", callbacks=validated("best.ckpt", score))
    [offer] = options_in_folder(tmp_path)
    assert (offer.metric, offer.score, offer.scores) == ("validation SI-SDR", 3.25, {})
    assert offer.label.endswith(" · validation SI-SDR 3.2 dB")


@pytest.mark.parametrize(
    "callbacks",
    [
        validated("best.ckpt"),
        validated("last.ckpt", monitor="train/loss"),
        validated("last.ckpt", float("nan")),
        validated("last.ckpt", None),
        validated("last.ckpt", torch.ones(2)),
        {"ModelCheckpoint": {"monitor": "val/si_sdr"}},
        {"ModelCheckpoint": [3]},
        "none",
    ],
)
def test_a_score_of_another_file_is_not_used(made, tmp_path, callbacks):
    made("run/checkpoints/last.ckpt", callbacks=callbacks)
    [offer] = options_in_folder(tmp_path)
    assert (offer.metric, offer.score) == (None, None)


@pytest.mark.parametrize("checkpoint", ["/elsewhere/checkpoints/last.ckpt", ["a.ckpt", "best.ckpt"], None])
def test_scores_of_another_checkpoint_are_not_used(made, tmp_path, checkpoint):
    made("run/checkpoints/best.ckpt")
    scored(tmp_path / "run", checkpoint)
    [offer] = options_in_folder(tmp_path)
    assert offer.score is None


@pytest.mark.parametrize("change", [{"methods": 3}, {"methods": [{"name": "model"}]}, {"made": {}}])
def test_results_of_an_unknown_form_are_ignored(made, tmp_path, change):
    made("run/checkpoints/best.ckpt")
    written(tmp_path / "run", json.dumps(scored(tmp_path / "run") | change))
    [offer] = options_in_folder(tmp_path)
    assert offer.score is None


@pytest.mark.parametrize("text", ["", "[]", '{"methods": [', "[" * 10_000])
def test_broken_results_are_ignored(made, tmp_path, text):
    made("run/checkpoints/best.ckpt")
    written(tmp_path / "run", text)
    [offer] = options_in_folder(tmp_path)
    assert offer.score is None
