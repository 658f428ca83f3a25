"""A local server for a page: one folder, this machine only, nothing but reading."""

import contextlib
import mimetypes
import os
import shutil
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from .errors import PageError
from .formats import atlas, imagemap
from .formats.imagemap import MANIFEST, PAGE
from .json_files import read_json

# What reads the manifest of a page of each kind: it raises PageError unless this release can show the page.
KINDS: Mapping[str, Callable[[Path], Any]] = {imagemap.KIND: imagemap.read_manifest, atlas.KIND: atlas.read_manifest}
SIGN = b'<meta name="generator" content="convscope">'  # in the head of every page, also of those without a manifest
HEAD = 4096  # bytes
ADDRESS = "127.0.0.1"
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def check_page(folder: Path) -> Path:
    """Return the folder that holds the page: `folder` or `page` in it; raise PageError if there is none that can be shown.

    The kind in the manifest says what reads it. Pages of pictures have no manifest.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise PageError(f"No folder `{folder}`. Expected a folder with a page, for example one written by `convscope tsne … --page`.")
    inner = folder / "page"
    folder = inner if not (folder / MANIFEST).exists() and (inner / MANIFEST).exists() else folder
    kind = _kind(folder)
    if kind in KINDS or not _is_signed(folder / PAGE):
        read: Callable[[Path], Any] = KINDS.get(kind, imagemap.read_manifest)
        read(folder)
    return folder


def _kind(folder: Path) -> str:
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
        return str(read_json(folder / MANIFEST)["kind"])
    return ""


def _is_signed(page: Path) -> bool:
    with contextlib.suppress(OSError), page.open("rb") as file:
        return SIGN in file.read(HEAD)
    return False


def serve(folder: Path, port: int = 0, ready: Callable[[str], None] = lambda address: None) -> None:
    """Serve the page in `folder` until Ctrl-C; `ready` hears the address. Port 0 is any free one. Raises PageError."""
    with open_server(folder, port) as server:
        ready(f"http://{ADDRESS}:{server.server_port}/")
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            return


def open_server(folder: Path, port: int = 0) -> ThreadingHTTPServer:
    """Return a server for the page in `folder` on 127.0.0.1, listening but not yet answering; raise PageError."""
    root = check_page(folder).resolve()

    class Handler(_Handler):
        """Answers from this folder."""

        served = root

    try:
        server = _Server((ADDRESS, port), Handler)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise PageError(
            f"Cannot listen on port {port} of {ADDRESS}: {reason}. Choose another --port, or leave it out to use a free one."
        ) from error
    return server


class _Server(ThreadingHTTPServer):
    """As the standard library's, but a reader may leave in the middle of an answer."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD with the files of one folder; has no listings and follows no link out of it."""

    served: Path
    protocol_version = "HTTP/1.1"
    server: ThreadingHTTPServer
    server_version, sys_version = "convscope", ""
    timeout = 30

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer with a short text; an unsupported method is 405, and the connection ends, since a body may follow."""
        status = HTTPStatus.METHOD_NOT_ALLOWED if code == HTTPStatus.NOT_IMPLEMENTED else HTTPStatus(code)
        self.close_connection = True
        text = f"{status.value} {status.phrase}\n".encode()
        self.send_response(status)
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self._headers("text/plain; charset=utf-8", len(text))
        if self.command != "HEAD":
            self.wfile.write(text)

    def _answer(self, *, body: bool) -> None:
        port = self.server.server_port
        # A page elsewhere can make its own name point to this machine; its requests carry that name.
        if self.headers.get_all("Host", []) not in ([f"{ADDRESS}:{port}"], [f"localhost:{port}"]):
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        path = self._file()
        try:
            if path is None:
                raise FileNotFoundError(self.path)
            with path.open("rb") as file:
                self.send_response(HTTPStatus.OK)
                kind = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
                self._headers(kind, os.fstat(file.fileno()).st_size)
                if body:
                    shutil.copyfileobj(file, self.wfile)
        except (FileNotFoundError, PermissionError):
            self.send_error(HTTPStatus.NOT_FOUND)

    def _headers(self, kind: str, length: int) -> None:
        for name, value in {"Content-Type": kind, "Content-Length": str(length), **HEADERS}.items():
            self.send_header(name, value)
        self.end_headers()

    def _file(self) -> Path | None:
        """Return the file that is asked for, None unless it lies in the folder when all links are followed."""
        try:
            words = os.fsdecode(unquote_to_bytes(urlsplit(self.path).path)).split("/")
            if words[0] or any(word.startswith(".") or "\\" in word or ":" in word for word in words):
                return None
            found = self.served.joinpath(*(list(filter(None, words)) or [PAGE])).resolve(strict=True)
        except (OSError, ValueError):
            return None
        return found if found.is_file() and found.is_relative_to(self.served) else None
