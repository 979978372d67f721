import httpx
import pytest
import uvicorn
from gradio import http_server

from bsroformer.errors import InputError
from bsroformer.studio.address import Address
from bsroformer.studio.connections import BoundedProtocol
from bsroformer.studio.server import HERE, SCRIPTS, open_page
from support.studio.studios import song_in, studio_in
from support.studio.visitors import PATIENCE


@pytest.fixture
def studio(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")  # open_page sets it
    with studio_in(tmp_path) as (studio, _):
        yield studio


def test_the_player_works_behind_a_proxy(studio, tmp_path):
    page = open_page(studio, lambda: (song_in(tmp_path), "A song"), Address(root_path="/studio"))
    try:
        for home in (page.local_url, f"{page.local_url}studio/"):
            for name, path in SCRIPTS.items():
                assert answer(f"{home}player/{name}").content == path.read_bytes()
            assert answer(f"{home}player/stem-player.css").status_code == 404  # Gradio has it
            assert answer(f"{home}songs/{32 * 'x'}").json()["error"].startswith("Song not found")
    finally:
        page.close(verbose=False)


def answer(address):
    return httpx.get(address, timeout=PATIENCE)


def test_gradio_serves_the_page_with_our_connections(studio, tmp_path):
    page = open_page(studio, lambda: (song_in(tmp_path), "A song"), Address(hosts=("studio.example.org",)))
    try:
        assert page.server.config.http is BoundedProtocol
        assert http_server.uvicorn is uvicorn
        named = httpx.get(page.local_url, headers={"Host": "studio.example.org"}, timeout=PATIENCE)
        assert named.headers["x-frame-options"] == "SAMEORIGIN"
        assert named.status_code == 200
    finally:
        page.close(verbose=False)


def test_a_failed_start_is_an_input_error(studio, tmp_path, monkeypatch):
    def failing(**_):
        raise RuntimeError("no thread")

    monkeypatch.setattr(http_server, "start_server", failing)
    with pytest.raises(InputError, match=r"^the page cannot be opened at 127\.0\.0\.1 \(no thread\); check host"):
        open_page(studio, lambda: (song_in(tmp_path), "A song"), Address())


def test_all_scripts_of_the_player_are_served():
    assert "stem-player.js" in SCRIPTS
    assert sorted(SCRIPTS) == sorted(path.name for path in (HERE / "player").iterdir() if path.suffix == ".js")


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_a_foreign_address_is_refused(studio, host):
    with pytest.raises(InputError, match=rf"^the page cannot be opened at {host} .*give another host or port"):
        open_page(studio, lambda: (studio.workspace.songs, ""), Address(host=host))


def test_a_port_beyond_the_range_is_refused(studio):
    with pytest.raises(InputError, match=r"^port must be in 1 to 65535"):
        open_page(studio, lambda: (studio.workspace.songs, ""), Address(port=70_000))
