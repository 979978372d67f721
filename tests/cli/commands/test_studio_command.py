import os

import pytest
from rich.console import Console

from bsroformer.checkpoints.save import save_model, save_weights
from bsroformer.cli.commands.studio.command import address_of, build_offers, build_studio
from bsroformer.errors import InputError
from support.launched import composed


@pytest.fixture
def runs(tiny_model, tmp_path):
    """Two runs, the second one newer."""
    for number, name in enumerate(("old", "new")):
        path = tmp_path / "runs" / "train" / name / "checkpoints" / "best.ckpt"
        path.parent.mkdir(parents=True)
        save_weights(tiny_model, path)
        os.utime(path, (number, number))
    return tmp_path / "runs"


def test_the_newest_checkpoint_of_the_runs_is_the_default(runs):
    offers = build_offers(composed("app", f"paths.runs_dir={runs}"))
    assert [offer.name for offer in offers] == ["new", "old"]


def test_without_a_checkpoint_a_command_is_suggested(tmp_path):
    with pytest.raises(InputError, match=r"train one with bsroformer train experiment=demo"):
        build_offers(composed("app", f"paths.runs_dir={tmp_path}"))


def test_a_folder_and_a_list_are_menus(runs, tiny_model, tmp_path):
    alone = tmp_path / "mine.safetensors"
    save_model(tiny_model, alone)
    assert [offer.name for offer in build_offers(composed("app", f"ckpt={runs}"))] == ["new", "old"]
    assert [offer.name for offer in build_offers(composed("app", f"ckpt=[{alone},{runs}]"))] == ["mine", "new", "old"]


def test_a_missing_checkpoint_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"none\.ckpt"):
        build_offers(composed("app", f"ckpt={tmp_path}/none.ckpt"))


def test_the_studio_is_as_configured(runs, tmp_path):
    keys = ("limits.minutes=3", "limits.songs=2", "limits.megabytes=5", "limits.keep_minutes=7", "bit_depth=24")
    studio = build_studio(composed("app", f"ckpt={runs}", f"output={tmp_path}/out", *keys), Console(quiet=True))
    try:
        assert studio.limits == type(studio.limits)(megabytes=5, minutes=3, songs=2, keep_minutes=7)
        assert studio.workspace.keep_seconds == 420
        assert studio.delivery.bit_depth == 24
        separator = studio.model.separator(studio.checkpoint("new"), ["other"], overlap=0.75, shifts=2)
        assert separator.stems == ("other",)
        assert (separator.step, separator.shifts) == (round(separator.size / 4), 2)
    finally:
        studio.close()


@pytest.mark.parametrize("key", ["limits.songs=many", "limits.minutes=0", "bit_depth=7"])
def test_an_invalid_key_is_reported(runs, tmp_path, key):
    with pytest.raises(InputError, match=key.partition("=")[0]):
        build_studio(composed("app", f"ckpt={runs}", f"output={tmp_path}/out", key), Console(quiet=True))


def test_the_page_is_local_by_default():
    address = address_of(composed("app"))
    assert (address.host, address.port, address.share, address.auth) == ("127.0.0.1", None, False, ())
    assert address.hosts == ()


def test_accounts_come_from_the_command_line_or_environment(monkeypatch):
    assert address_of(composed("app", "auth=[anna:a:b,ben:c]")).auth == (("anna", "a:b"), ("ben", "c"))
    monkeypatch.setenv("BSROFORMER_AUTH", "anna:secret")
    assert address_of(composed("app")).auth == (("anna", "secret"),)


@pytest.mark.parametrize("text", ["[anna:secret,ben:other]", "anna:secret,ben:other", ' ["anna:secret", ben:other] '])
def test_the_environment_may_list_several_accounts(monkeypatch, text):
    monkeypatch.setenv("BSROFORMER_AUTH", text)
    assert address_of(composed("app")).auth == (("anna", "secret"), ("ben", "other"))


@pytest.mark.parametrize(("text", "password"), [("anna:a,b", "a,b"), ("['anna:a,b:c']", "a,b:c"), ("[anna:1]", "1")])
def test_a_password_may_hold_a_comma(monkeypatch, text, password):
    monkeypatch.setenv("BSROFORMER_AUTH", text)
    assert address_of(composed("app")).auth == (("anna", password),)


@pytest.mark.parametrize("text", ["", "[]", "[anna]", "[[anna:hunter2]]", "anna:hunter2,anna:b", "anna:hunter2,:b"])
def test_accounts_that_make_no_sense_are_refused_in_silence(monkeypatch, text):
    monkeypatch.setenv("BSROFORMER_AUTH", text)
    with pytest.raises(InputError, match=r"^auth must be name:password") as refused:
        address_of(composed("app"))
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("auth", ["anna", ":hunter2", "'anna:'", "{anna: hunter2}", "[a:hunter2, 3]", "3"])
def test_a_name_without_a_password_is_refused_and_not_repeated(auth):
    with pytest.raises(InputError, match=r"^auth must be name:password") as refused:
        address_of(composed("app", f"auth={auth}"))
    assert "hunter2" not in str(refused.value)


def test_without_gradio_the_extra_is_named(monkeypatch):
    from bsroformer.cli.commands.studio import command as app

    monkeypatch.setattr(app, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r'pip install -e "\.\[studio\]"'):
        app.app(composed("app"))
