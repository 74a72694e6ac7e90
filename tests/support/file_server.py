"""A server of files on loopback, good or bad."""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Iterator


class FileServer(http.server.ThreadingHTTPServer):
    """Serves files on loopback; how well is set by the attributes."""

    def __init__(self, content: bytes, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = content  # of any path that is not among the files
        self.files = files
        self.validators: dict[str, str] = {"ETag": '"one"'}
        self.takes_ranges = True
        self.heeds_if_range = True
        self.cuts: list[int] = []  # bytes after which each of the next connections breaks
        self.status = 200
        self.tells_size = True
        self.asked: list[str] = []
        self.paths: list[str] = []

    @property
    def folder(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"

    @property
    def url(self) -> str:
        return self.folder + "weights.pt"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: FileServer

    def do_GET(self) -> None:
        server = self.server
        wanted = self.headers.get("Range", "")
        server.asked.append(wanted)
        server.paths.append(self.path.lstrip("/"))
        content = server.files.get(self.path.lstrip("/"), server.content)
        if server.status != 200 or not content:
            self.send_error(404 if server.status == 200 else server.status)
            return
        start = 0
        same = self.headers.get("If-Range") in server.validators.values() or not server.heeds_if_range
        if wanted and server.takes_ranges and same:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                self.send_error(416)
                return
        body = content[start:]
        self.send_response(206 if start else 200)
        if server.tells_size:
            self.send_header("Content-Length", str(len(body)))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        for name, value in server.validators.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: server.cuts.pop(0)] if server.cuts else body)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serving(content: bytes = b"", files: dict[str, bytes] | None = None) -> Iterator[FileServer]:
    """Serves `files` by their names, and `content` under any other name; without content these are not found."""
    with FileServer(content, files or {}) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
