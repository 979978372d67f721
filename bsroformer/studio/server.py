"""The page on a network."""

import logging
import os
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from bsroformer.errors import InputError
from bsroformer.file_names import from_here
from bsroformer.studio.address import Address, check_address, own_names, proxy_names
from bsroformer.studio.connections import our_uvicorn
from bsroformer.studio.guard import Guard
from bsroformer.studio.limits import MEGABYTE
from bsroformer.studio.origin import OwnOrigin
from bsroformer.studio.page import Example, build_page
from bsroformer.studio.readers import CountReaders, Readers
from bsroformer.studio.routes import routes_of
from bsroformer.studio.sign_in import SlowSignIns
from bsroformer.studio.studio import Studio
from bsroformer.studio.uploads import Uploads

FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
"""Those of the machine: nothing is fetched from elsewhere."""
HERE = Path(__file__).parent
INSTRUMENT = '<script type="module" src="player/stem-player.js"></script>'
SCRIPTS = {path.name: path for path in (HERE / "player").glob("*.js")}
STYLES = (HERE / "page.css", HERE / "player" / "stem-player.css")
"""Gradio puts them after its own, which would otherwise win."""
SESSIONS = 500
"""Visitors whose state Gradio keeps in memory, some 50 KB each."""
QUEUED_CALLS = 200
"""Calls of the API that may wait for Gradio."""


def open_page(studio: Studio, example: Example, address: Address, overlap: float = 0.5, shifts: int = 1) -> gr.Blocks:
    """Serve the page of a studio, in threads of its own; ``close()`` of what is returned ends it.

    Args:
        studio: Separates.
        example: Finds or makes the example song.
        address: Where and for whom.
        overlap: Of windows, where the visitor says nothing.
        shifts: Passes, where the visitor says nothing.

    Returns:
        Gradio's page: ``local_url`` and ``share_url`` are its addresses.

    Raises:
        InputError: If the port is taken, or the public address cannot be had.
    """
    check_address(address)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # Gradio asks itself whether it is there
    os.environ["GRADIO_TEMP_DIR"] = str(from_here(studio.shelf.uploads))  # for uploads, and all that Gradio may read
    gr.set_static_paths(studio.shelf.songs)  # stems are sent from where they are, without a copy
    readers = Readers()
    page = build_page(studio, example, overlap, shifts, readers)
    page.queue(default_concurrency_limit=None, max_size=QUEUED_CALLS)
    try:
        with our_uvicorn(partial(OwnOrigin, names=own_names(address), proxies=proxy_names(address))):
            _launch(page, studio, address, readers)
    except Exception as error:  # Gradio raises what its parts raise, and a bare Exception of its own
        page.close(verbose=False)
        where = address.place
        raise InputError(f"the page cannot be opened at {where} ({error}): check host, port and root_path") from error
    if address.share and not page.share_url:
        page.close()
        raise InputError("share=true found no way to Gradio's server of public addresses: leave it out")
    return page


def _launch(page: gr.Blocks, studio: Studio, address: Address, readers: Readers) -> None:
    page.launch(
        server_name=address.host,
        server_port=address.port,
        share=address.share,
        auth=list(address.auth) or None,
        root_path=address.root_path,
        max_file_size=round(studio.limits.megabytes * MEGABYTE),
        app_kwargs=_own_parts(studio, readers),
        prevent_thread_lock=True,
        quiet=True,
        ssr_mode=False,
        run_history=False,
        state_session_capacity=SESSIONS,
        footer_links=["api"],
        enable_monitoring=False,
        **_looks(),
    )


def _own_parts(studio: Studio, readers: Readers) -> dict[str, Any]:
    """What is ours of Gradio's app."""
    middleware = [
        Middleware(Guard),
        Middleware(Uploads, megabytes=studio.limits.megabytes, shelf=studio.shelf, reserve=studio.reserve),
        Middleware(SlowSignIns),
        Middleware(CountReaders, readers=readers),
    ]
    routes = [*routes_of(studio), Route("/player/{name}", _script)]
    return {"routes": routes, "middleware": middleware, "docs_url": None, "redoc_url": None}


async def _script(request: Request) -> Response:
    """A part of the instrument; browsers ask each time whether it has changed, so that all parts go together."""
    path = SCRIPTS.get(request.path_params["name"])
    headers = {"Cache-Control": "no-cache"}
    return FileResponse(path, media_type="text/javascript", headers=headers) if path else Response(status_code=404)


def _looks() -> dict[str, Any]:
    """Theme, style sheets and scripts of the page."""
    mono = ("ui-monospace", "monospace")
    theme = gr.themes.Base(primary_hue="violet", neutral_hue="slate", font=FONTS, font_mono=mono).set(
        button_primary_background_fill="*primary_600",  # Gradio's own are too pale to be read
        button_primary_background_fill_hover="*primary_700",
        body_text_color_subdued="*neutral_600",
        block_info_text_color="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_info_text_color_dark="*neutral_300",
    )
    return {"theme": theme, "css_paths": STYLES, "head": INSTRUMENT}
