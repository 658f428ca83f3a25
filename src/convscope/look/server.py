"""The door of the live page: what a request may ask, on 127.0.0.1 alone. The only file that knows Starlette and uvicorn.

Whoever has not the token of the address gets nothing, nor a page of another origin that has it. No path in a request is opened: images,
layers and files of the page are looked up by name. A body is bounded, and so is the time that a slow client may take.
"""

import asyncio
import contextlib
import hmac
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import h11
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..errors import ConvscopeError, PageError
from ..json_files import as_json
from ..viewing import ADDRESS, TYPES
from . import answers, tops
from .climbing import Climbing
from .desk import BusyError, Desk, Heard, Job, SupersededError
from .gallery import LONGEST_NAME, MOST_DROPPED
from .guard import Guard
from .keeping import Keeper, View
from .mailbox import Mailbox
from .sight import Sight
from .viewer import POLICY, page_files

# Seconds: for the head of a request, for a body, for an answer that nobody reads, between two looks at whether its client is there.
HEAD_TIME, BODY_TIME, UNREAD_TIME, LOOK_TIME = 5.0, 30.0, 30.0, 0.25
MOST_CONNECTIONS = 512
TAB_LETTERS = 32
STATUS: Mapping[type[BaseException], int] = {SupersededError: 409, BusyError: 503}
FAULT = "This is a fault of convscope. Report it, with what you did: {}"
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Live:
    """What answers: the network that looks at images, the worker, and what climbs and writes."""

    sight: Sight
    desk: Desk
    climbing: Climbing
    keeper: Keeper


class Patient(H11Protocol):
    """HTTP as uvicorn speaks it, but not for ever with a client that does not finish its request or does not read its answer."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request, not for long."""
        super().connection_made(transport)
        self._wait(HEAD_TIME)

    def data_received(self, data: bytes) -> None:
        """Wait longer for what is not whole yet, not again for each byte of it."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop()
        elif self._waiting is None:
            self._wait(HEAD_TIME)

    def pause_writing(self) -> None:
        """Wait for a client that does not read."""
        super().pause_writing()  # type: ignore[no-untyped-call]
        self._wait(UNREAD_TIME)

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()  # type: ignore[no-untyped-call]
        self._stop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop()
        super().connection_lost(exc)

    def _wait(self, seconds: float) -> None:
        self._stop()
        self._waiting = self.loop.call_later(seconds, self._give_up)

    def _stop(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        self._waiting = None

    def _give_up(self) -> None:
        transport: Any = self.transport
        if transport is not None:
            transport.abort()


def sentence(error: BaseException) -> str:
    """Return what the page says of an error."""
    return str(error) if isinstance(error, ConvscopeError) else FAULT.format(f"{type(error).__name__}: {error}")


def told(value: Any, status: int = 200) -> Response:
    """Return a record as an answer."""
    return Response(as_json(value), status, media_type="application/json")


def asked(request: Request, name: str, default: str | None = None) -> str:
    """Return what a request says of a name in its query. Raises HTTPException for one that does not, or at too great length."""
    value = request.query_params.get(name, default)
    if value is None or len(value) > LONGEST_NAME:
        raise HTTPException(400, f"Expected `{name}` of at most {LONGEST_NAME} letters in the query.")
    return value


def tab_of(request: Request) -> str:
    """Return the tab that a request comes from."""
    tab = asked(request, "tab", "none")
    if len(tab) > TAB_LETTERS or not tab.isalnum() or not tab.isascii():
        raise HTTPException(400, f"Expected `tab` of at most {TAB_LETTERS} letters and digits.")
    return tab


def images_of(request: Request) -> list[str]:
    """Return the image of a request, or the two that are compared."""
    names = request.query_params.getlist("image")[:2]
    if not names:
        raise HTTPException(400, "Expected `image` in the query, once or twice.")
    return names


def view_of(request: Request) -> View:
    """Return the view that a request names."""
    return View(asked(request, "kind"), asked(request, "unit"), asked(request, "image", ""), asked(request, "way", "switches"))


class Door:
    """The endpoints of a page."""

    def __init__(self, live: Live) -> None:
        self.live, self.files = live, page_files(live.sight.network.bundle.name)

    def routes(self) -> list[Route]:
        """Return what can be asked, each by its name below the token."""
        sight = self.live.sight
        worked: dict[str, Callable[[Request], Callable[[], Any]]] = {
            "start": lambda r: lambda: answers.start(sight) | {"atlas": self.live.climbing.atlas is not None},
            "image": lambda r: self._with(answers.image, asked(r, "image")),
            "thumbs": lambda r: self._with(answers.thumbs, r.query_params.getlist("image")),
            "wall": lambda r: self._with(answers.wall, asked(r, "image"), asked(r, "layer")),
            "unit": lambda r: self._with(answers.unit, images_of(r), asked(r, "unit")),
            "projection": lambda r: self._with(answers.projection, images_of(r), asked(r, "unit"), asked(r, "way", "switches")),
            "ahead": lambda r: self._with(answers.ahead, images_of(r), asked(r, "unit"), asked(r, "way", "switches")),
            "synthetic": lambda r: lambda: self.live.climbing.made(asked(r, "unit")),
            "tops": lambda r: self._with(tops.tops, asked(r, "unit")),
            "command": lambda r: self._bound(lambda view: {"command": self.live.keeper.command(view)}, view_of(r)),
        }
        return [
            *(Route(f"/{name}", self._once(name, make), methods=["GET"]) for name, make in worked.items()),
            Route("/climb", self._streamed("climb", lambda r: self.live.climbing.steps(asked(r, "unit"))), methods=["GET"]),
            Route("/save", self._streamed("save", lambda r: self.live.keeper.save(view_of(r))), methods=["POST"]),
            Route("/script", self._once("script", lambda r: self._bound(self.live.keeper.add, view_of(r))), methods=["POST"]),
            Route("/drop", self._drop, methods=["POST"]),
            Route("/{path:path}", self._file, methods=["GET"]),
        ]

    def _with(self, answer: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
        return lambda: answer(self.live.sight, *arguments)

    @staticmethod
    def _bound(answer: Callable[[View], Any], view: View) -> Callable[[], Any]:
        return lambda: answer(view)

    def _once(self, name: str, make: Callable[[Request], Callable[[], Any]]) -> Endpoint:
        """Return the endpoint that waits for one answer."""

        async def endpoint(request: Request) -> Response:
            answer = make(request)

            def steps() -> Iterator[Any]:
                yield answer()

            async with self._job(request, name, steps) as mailbox:
                heard = await _heard(request, mailbox)
            return told(heard.value) if heard.fault is None else refusal(heard.fault)

        return endpoint

    def _streamed(self, name: str, make: Callable[[Request], Iterator[Any]]) -> Endpoint:
        """Return the endpoint that sends each step as an event."""

        async def endpoint(request: Request) -> Response:
            tab_of(request)
            steps = make(request)

            async def events() -> AsyncIterator[bytes]:
                async with self._job(request, name, lambda: steps) as mailbox:
                    while True:
                        heard = await mailbox.get()
                        if heard.fault is not None:
                            yield event({"error": sentence(heard.fault), "done": True})
                        if heard.last:
                            return
                        yield event(heard.value)

            return StreamingResponse(events(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

        return endpoint

    @contextlib.asynccontextmanager
    async def _job(self, request: Request, kind: str, steps: Callable[[], Iterator[Any]]) -> AsyncIterator[Mailbox]:
        mailbox = Mailbox()
        job: Job = self.live.desk.submit(tab_of(request), kind, steps, mailbox.put)
        try:
            yield mailbox
        finally:
            self.live.desk.withdraw(job)

    async def _drop(self, request: Request) -> Response:
        """Take a picture in, and answer with its name."""
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) > MOST_DROPPED:
            raise HTTPException(413, f"Expected a picture of at most {MOST_DROPPED:,} bytes. Make it smaller first.")
        name, body = asked(request, "name", "picture"), bytearray()
        try:
            async with asyncio.timeout(BODY_TIME):
                async for part in request.stream():
                    body += part
                    if len(body) > MOST_DROPPED:
                        raise HTTPException(413, f"Expected a picture of at most {MOST_DROPPED:,} bytes. Make it smaller first.")
        except TimeoutError as error:
            raise HTTPException(408, "The picture did not come in time. Drop it again.") from error

        def steps() -> Iterator[Any]:
            yield {"image": self.live.sight.gallery.drop(bytes(body), name)}

        async with self._job(request, "drop", steps) as mailbox:
            heard = await _heard(request, mailbox)
        return told(heard.value) if heard.fault is None else refusal(heard.fault)

    async def _file(self, request: Request) -> Response:
        """Answer with a file of the page, which lies in memory."""
        path = request.path_params["path"] or "index.html"
        if path not in self.files:
            raise HTTPException(404, "Nothing here.")
        kind = TYPES.get("." + path.rpartition(".")[2], "application/octet-stream")
        return Response(self.files[path], media_type=kind, headers={"Content-Security-Policy": POLICY})


async def _heard(request: Request, mailbox: Mailbox) -> Heard:
    """Wait for the answer of a job, as long as the client does."""
    waiting = asyncio.ensure_future(mailbox.get())
    try:
        while not (await asyncio.wait([waiting], timeout=LOOK_TIME))[0]:
            if await request.is_disconnected():
                raise ClientDisconnect
        return waiting.result()
    finally:
        waiting.cancel()


def event(value: Any) -> bytes:
    """Return a record as an event of a stream."""
    return b"data: " + as_json(value) + b"\n\n"


def refusal(error: BaseException) -> Response:
    """Return an error as an answer: bad input has a status below 500, a fault of convscope 500."""
    ours = 400 if isinstance(error, ConvscopeError) else 500
    return told({"error": sentence(error)}, STATUS.get(type(error), ours))


async def _on_error(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return told({"error": error.detail}, error.status_code)
    if isinstance(error, ClientDisconnect):
        return Response(status_code=499)
    return refusal(error)


def app_of(live: Live, token: str, hosts: tuple[str, ...]) -> ASGIApp:
    """Return the application: everything below the token, and nothing else."""
    inner = Starlette(
        routes=Door(live).routes(), exception_handlers={HTTPException: _on_error, ClientDisconnect: _on_error, ConvscopeError: _on_error}
    )

    async def below(scope: Scope, receive: Receive, send: Send) -> None:
        first, _, rest = scope["path"].removeprefix("/").partition("/")
        known = hmac.compare_digest(first.encode("utf-8", "replace"), token.encode())
        if known and scope["path"] != f"/{token}":
            await inner(dict(scope, path=f"/{rest}", raw_path=b"", root_path=""), receive, send)
        elif known:  # a page has its files beside it
            await Response(status_code=307, headers={"Location": f"/{token}/"})(scope, receive, send)
        else:
            await Response("404 Not Found\n", 404, media_type="text/plain")(scope, receive, send)

    return Guard(below, hosts)


class LiveServer:
    """A page that listens: its `address` is known at once; `run` answers until Ctrl-C, or until `stop` is called from another thread."""

    def __init__(self, live: Live, port: int = 0) -> None:
        self._live, self._socket = live, _listening(port)
        host, token = f":{self._socket.getsockname()[1]}", secrets.token_urlsafe(16)
        self.address = f"http://{ADDRESS}{host}/{token}/"
        settings = uvicorn.Config(
            app_of(live, token, (f"{ADDRESS}{host}", f"localhost{host}")),
            http=Patient,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            limit_concurrency=MOST_CONNECTIONS,
            backlog=MOST_CONNECTIONS,
            timeout_graceful_shutdown=1,
            timeout_keep_alive=30,
        )
        self._server = uvicorn.Server(settings)

    def run(self) -> None:
        """Answer until Ctrl-C."""
        try:
            self._server.run(sockets=[self._socket])
        except KeyboardInterrupt:
            pass
        finally:
            self._socket.close()
            self._live.desk.close()

    def stop(self) -> None:
        """End `run`."""
        self._server.should_exit = True


def _listening(port: int) -> socket.socket:
    try:
        return socket.create_server((ADDRESS, port), backlog=MOST_CONNECTIONS)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise PageError(f"Cannot listen on port {port} of {ADDRESS}: {reason}. Choose another --port, or leave it out.") from error
