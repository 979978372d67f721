"""The page behind a password."""

from pathlib import Path
from typing import Any

import httpx

from support.studio.studios import song_in, studio_in
from support.studio.visitors import PATIENCE, Visitor, opened, visiting


def test_a_password_protects_the_page_and_its_songs(browser: Any, tmp_path: Path) -> None:
    song = song_in(tmp_path, 3)
    with (
        studio_in(tmp_path) as (studio, _),
        opened(studio, auth=[("anna", "secret")]) as page,
        visiting(browser, page.local_url) as visitor,
    ):
        start = visitor.page.get_by_role("button", name="Separate", exact=True)
        sign_in(visitor, "guessed")
        visitor.page.get_by_text("Incorrect Credentials").wait_for()
        assert start.count() == 0
        sign_in(visitor, "secret")
        start.wait_for()
        address = f"{page.local_url}songs/{visitor.separate(song)}/stems/1.wav"
        assert visitor.page.request.get(address).status == 200

        [job] = studio._jobs.values()
        stem = f"{page.local_url}gradio_api/file={job.files[0]}"
        upload = f"{page.local_url}gradio_api/upload"
        assert visitor.page.request.get(stem).status == 200
        assert [httpx.get(asked, timeout=PATIENCE).status_code for asked in (address, stem)] == [401, 401]
        assert httpx.post(upload, files={"files": ("song.wav", song.read_bytes())}, timeout=PATIENCE).status_code == 401
        assert visitor.page.request.get(f"{page.local_url}config").status == 200
        assert httpx.get(f"{page.local_url}config", timeout=PATIENCE).status_code == 401
        with visiting(browser, page.local_url) as stranger:
            assert stranger.page.request.get(address).status == 401


def sign_in(visitor: Visitor, password: str) -> None:
    visitor.page.get_by_label("username").fill("anna")
    visitor.page.get_by_label("password").fill(password)
    visitor.page.get_by_role("button", name="Login").click()
