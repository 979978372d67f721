"""The server of the page."""

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
from bsroformer.studio.address import Address, check_address, local_names, proxy_names
from bsroformer.studio.call_check import Functions
from bsroformer.studio.connections import our_uvicorn
from bsroformer.studio.guard import Guard
from bsroformer.studio.limits import MEGABYTE
from bsroformer.studio.middleware import CountEventStreams, EventStreams, SlowSignIns
from bsroformer.studio.page import Example, build_page
from bsroformer.studio.routes import routes_of
from bsroformer.studio.same_origin import SameOrigin
from bsroformer.studio.studio import Studio
from bsroformer.studio.unread import DropUnread, UnreadAnswers
from bsroformer.studio.uploads import Uploads

FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
"""Fonts of the visitor's machine: nothing is fetched from other servers."""
HERE = Path(__file__).parent
PLAYER_SCRIPT = '<script type="module" src="player/stem-player.js"></script>'
SCRIPTS = {path.name: path for path in (HERE / "player").glob("*.js")}
STYLES = (HERE / "page.css", HERE / "player" / "stem-player.css")
"""Gradio places them after its own, which would otherwise take precedence."""
MAX_SESSIONS = 500
"""Visitors whose state Gradio keeps in memory, about 50 KB each."""
MAX_QUEUED_CALLS = 200
"""Calls of the API that may wait in Gradio's queue."""


def open_page(studio: Studio, example: Example, address: Address, overlap: float = 0.5, shifts: int = 1) -> gr.Blocks:
    """Serve the page of a studio in threads of its own.

    Args:
        studio: Separates the songs.
        example: Returns the example song.
        address: Where to serve the page, and for whom.
        overlap: Default overlap of windows.
        shifts: Default number of passes.

    Returns:
        Gradio's page: ``local_url`` and ``share_url`` are its addresses, and ``close()`` ends it.

    Raises:
        InputError: The port is taken, or the public address cannot be opened.
    """
    check_address(address)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # Gradio sends a request to itself
    os.environ["GRADIO_TEMP_DIR"] = str(from_here(studio.workspace.uploads))  # for uploads; Gradio may read it
    gr.set_static_paths(studio.workspace.songs)  # stems are sent without a copy
    streams = EventStreams()
    page = build_page(studio, example, overlap, shifts, streams)
    page.queue(default_concurrency_limit=None, max_size=MAX_QUEUED_CALLS)
    try:
        with our_uvicorn(partial(SameOrigin, names=local_names(address), proxies=proxy_names(address))):
            _launch(page, studio, address, streams)
    except Exception as error:  # Gradio raises what its parts raise, and a bare Exception of its own
        page.close(verbose=False)
        where = address.host_and_port
        raise InputError(f"the page cannot be opened at {where} ({error}); check host, port and root_path") from error
    if address.share and not page.share_url:
        page.close()
        raise InputError("share=true cannot reach Gradio's server of public addresses; start without it")
    return page


def _launch(page: gr.Blocks, studio: Studio, address: Address, streams: EventStreams) -> None:
    page.launch(
        server_name=address.host,
        server_port=address.port,
        share=address.share,
        auth=list(address.auth) or None,
        root_path=address.root_path,
        max_file_size=round(studio.limits.megabytes * MEGABYTE),
        app_kwargs=_app_arguments(page, studio, streams),
        prevent_thread_lock=True,
        quiet=True,
        ssr_mode=False,
        run_history=False,
        state_session_capacity=MAX_SESSIONS,
        footer_links=["api"],
        enable_monitoring=False,
        **_appearance(),
    )


def _app_arguments(page: gr.Blocks, studio: Studio, streams: EventStreams) -> dict[str, Any]:
    """Our routes and middleware in Gradio's app."""
    middleware = [
        Middleware(Guard, check=Functions(page, (studio.workspace.uploads, studio.workspace.songs)).check),
        Middleware(Uploads, megabytes=studio.limits.megabytes, workspace=studio.workspace),
        Middleware(SlowSignIns),
        Middleware(CountEventStreams, streams=streams),
        Middleware(DropUnread, answers=UnreadAnswers(page, streams)),
    ]
    routes = [*routes_of(studio), Route("/player/{name}", _script)]
    return {"routes": routes, "middleware": middleware, "docs_url": None, "redoc_url": None}


async def _script(request: Request) -> Response:
    """Send a script of the player; browsers always check whether it has changed."""
    path = SCRIPTS.get(request.path_params["name"])
    if path is None:
        return Response(status_code=404)
    return FileResponse(path, media_type="text/javascript", headers={"Cache-Control": "no-cache"})


def _appearance() -> dict[str, Any]:
    """Theme, style sheets and scripts of the page."""
    mono = ("ui-monospace", "monospace")
    theme = gr.themes.Base(primary_hue="violet", neutral_hue="slate", font=FONTS, font_mono=mono).set(
        button_primary_background_fill="*primary_600",  # Gradio's own colours are too pale to read
        button_primary_background_fill_hover="*primary_700",
        body_text_color_subdued="*neutral_600",
        block_info_text_color="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_info_text_color_dark="*neutral_300",
    )
    return {"theme": theme, "css_paths": STYLES, "head": PLAYER_SCRIPT}
