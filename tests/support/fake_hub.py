"""A Hugging Face Hub on this machine, with the routes that an upload uses."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class FakeHub:
    """The state of the Hub.

    Attributes:
        address: Its address.
        files: Contents by repository and name.
        private: Whether each repository is private.
        tokens: The tokens of all requests.
        refuses: Status of each answer, instead of the usual one.
    """

    address: str = ""
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    private: dict[str, bool] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    refuses: int | None = None


def _handler(hub: FakeHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Log nothing."""

        def answer(self, tree: Any, status: int = 200, **headers: str) -> None:
            content = json.dumps(tree).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def is_refused(self) -> bool:
            hub.tokens.add(self.headers.get("Authorization", ""))
            if hub.refuses is not None:
                self.answer({"error": "refused"}, hub.refuses)
            return hub.refuses is not None

        def repo(self) -> str:
            return "/".join(self.path.split("?")[0].split("/")[3:5])

        def do_GET(self) -> None:
            if self.is_refused():
                return
            repo = self.repo()
            if repo not in hub.files:
                self.answer({"error": "Repository not found"}, 404, X_Error_Code="RepoNotFound")
            elif "/tree/" in self.path:
                entries = [
                    {"type": "file", "path": name, "size": len(content), "oid": "0" * 40}
                    for name, content in hub.files[repo].items()
                ]
                self.answer(entries)
            else:
                self.answer({"id": repo, "sha": "0" * 40, "siblings": [], "tags": []})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.is_refused():
                return
            if self.path == "/api/repos/create":
                wanted = json.loads(body)
                repo = "/".join(filter(None, (wanted.get("organization"), wanted["name"])))
                hub.files[repo] = {}
                hub.private[repo] = bool(wanted.get("private") or wanted.get("visibility") == "private")
                self.answer({"url": f"{hub.address}/{repo}"})
            elif self.path == "/api/validate-yaml":  # of the front matter of README.md
                self.answer({"errors": [], "warnings": []})
            elif "/preupload/" in self.path:
                files = [{**each, "uploadMode": "regular", "shouldIgnore": False} for each in json.loads(body)["files"]]
                self.answer({"files": files})
            elif "/commit/" in self.path:
                for line in body.splitlines():
                    entry = json.loads(line)
                    if entry["key"] == "file":
                        hub.files[self.repo()][entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
                self.answer({"commitUrl": f"{hub.address}/{self.repo()}/commit/{'0' * 40}", "commitOid": "0" * 40})
            else:
                self.answer({"error": self.path}, 404)

    return Handler


@contextmanager
def fake_hub() -> Iterator[FakeHub]:
    """Run a Hub on a free port."""
    hub = FakeHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
