"""Server of one song for tests of the player, with progress set by the test."""

import io
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from PIL import Image

import bsroformer.studio
from support.studio.visitors import PATIENCE

TOKEN = "a-song"
COLOURS = ("#9a93ad", "#ff7a59", "#ffc857", "#5fd3bc", "#b388ff", "#6fb1ff", "#f48fb1")
PEAKS, ROWS, WIDTH = 200, 96, 160  # of a full segment
WEB = Path(bsroformer.studio.__file__).parent
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<link rel="stylesheet" href="player/stem-player.css"><script type="module" src="player/stem-player.js"></script>
<body style="margin: 0"><main style="padding: 16px"><stem-player></stem-player></main>
<div id="elsewhere"></div></body></html>"""


class PretendStudio:
    """A song and its progress.

    Args:
        tracks: Audio of mixture and stems, (n c t), the mixture first.
        names: Of the tracks.
        sample_rate: In Hz.
        segment_seconds: Length of a segment.
        headroom: What the segments were divided by.
    """

    def __init__(
        self,
        tracks: NDArray[np.float32],
        names: tuple[str, ...],
        sample_rate: int,
        segment_seconds: float,
        headroom: float = 2.0,
    ) -> None:
        self.tracks, self.names, self.sample_rate = tracks, names, sample_rate
        self.segment_seconds, self.headroom = segment_seconds, headroom
        self.length = round(segment_seconds * sample_rate)
        self.all = -(-tracks.shape[-1] // self.length)
        self.said: dict[str, Any] = {}  # facts that override the computed ones
        self.asked: list[str] = []  # method and address, in order
        self._new_question = threading.Condition()
        self.gone = False
        self.away = False
        self.address = ""
        self.finish()

    def finish(self) -> None:
        """Make the whole song playable."""
        self.segments, self.state = self.all, "done"  # in this order: a page that sees the end stops polling

    def separating(self, segments: int) -> None:
        """Make this many segments playable."""
        self.state, self.segments = "separating", segments

    def wait_asked(self, question: str) -> None:
        """Wait until this path has been requested."""
        with self._new_question:
            assert self._new_question.wait_for(lambda: question in self.asked, timeout=PATIENCE)

    def facts(self) -> dict[str, Any]:
        total = self.tracks.shape[-1] / self.sample_rate
        begun = self.state not in ("waiting", "loading")
        seconds = min(self.segments * self.segment_seconds, total)
        facts = {
            "token": TOKEN, "title": "A song", "state": self.state, "message": None, "notes": [],
            "place": 0, "wait": None, "done": seconds, "total": total, "left": None, "speed": None,
            "checkpoint": "demo", "sample_rate": self.sample_rate, "segment_seconds": self.segment_seconds,
            "segments": self.segments, "seconds": seconds, "headroom": self.headroom, "picture_rows": ROWS,
            "peaks_per_segment": PEAKS, "formats": ["wav", "flac", "mp3"], "expires": 3480,
            "tracks": [{"name": name, "colour": COLOURS[n]} for n, name in enumerate(self.names)],
        }  # fmt: skip
        if not begun:
            facts |= dict.fromkeys(("sample_rate", "segment_seconds", "headroom", "picture_rows", "peaks_per_segment"))
        return facts | self.said

    def piece(self, segment: int) -> NDArray[np.float32]:
        """(n c t)"""
        return self.tracks[..., segment * self.length : (segment + 1) * self.length]

    def flac(self, segment: int, track: int) -> bytes:
        file = io.BytesIO()
        sound = self.piece(segment)[track].T / self.headroom
        soundfile.write(file, sound, self.sample_rate, format="FLAC", subtype="PCM_16")
        return file.getvalue()

    def peaks(self, segment: int) -> bytes:
        piece = self.piece(segment).mean(axis=1)
        slices = max(1, round(PEAKS * piece.shape[-1] / self.length))
        parts = np.array_split(piece, slices, axis=-1)
        ends = np.stack([np.stack([part.min(-1), part.max(-1)], -1) for part in parts], 1)  # n slice 2
        return np.clip(np.round(ends * 127), -127, 127).astype(np.int8).tobytes()

    def picture(self, segment: int) -> bytes:
        width = max(1, round(WIDTH * self.piece(segment).shape[-1] / self.length))
        rows = np.arange(len(self.names) * ROWS)[:, None, None]
        pixels = np.broadcast_to(rows * 255 // len(rows), (len(rows), width, 3)).astype(np.uint8)
        return encode_webp(pixels)

    def answer(self, method: str, path: str) -> tuple[int, str, bytes]:
        """Return status, content type and content."""
        with self._new_question:
            self.asked.append(f"{method} {path}")
            self._new_question.notify_all()
        if path == "/":
            return 200, "text/html", PAGE.encode()
        if path.startswith("/player/"):
            kind = "text/javascript" if path.endswith("js") else "text/css"
            return 200, kind, (WEB / path[1:]).read_bytes()
        if self.away:
            return 503, "application/json", b'{"error": "away"}'
        if self.gone or not path.startswith(f"/songs/{TOKEN}"):
            return 404, "application/json", b'{"error": "no such song"}'
        return self._of_song(method, path.removeprefix(f"/songs/{TOKEN}"))

    def _of_song(self, method: str, path: str) -> tuple[int, str, bytes]:
        if not path:
            return 200, "application/json", json.dumps(self.facts()).encode()
        if (method, path) == ("POST", "/leave"):
            return 204, "text/plain", b""
        if (method, path) == ("POST", "/cancel"):
            self.said = {"message": "The separation was cancelled."}
            self.state = "cancelled"  # in this order: a page that sees it stops polling
            return 204, "text/plain", b""
        number, _, kind = path.removeprefix("/listen/").partition(".")
        if kind == "peaks":
            return 200, "application/octet-stream", self.peaks(int(number))
        if kind == "webp":
            return 200, "image/webp", self.picture(int(number))
        return 200, "audio/flac", self.flac(int(number), int(kind.removesuffix(".flac")))


def encode_webp(pixels: NDArray[np.uint8]) -> bytes:
    """(row column 3) -> a picture."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "webp")
    return file.getvalue()


class Server(ThreadingHTTPServer):
    """HTTP server that ignores clients that disconnect during a request."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def served(studio: PretendStudio, port: int = 0) -> Iterator[PretendStudio]:
    """Serve the studio until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # keep-alive: a song is many small files

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._answer()

        def _answer(self) -> None:
            status, kind, content = studio.answer(self.command, self.path)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Print no requests."""

    server = Server(("127.0.0.1", port), Handler)
    studio.address = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield studio
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
