"""Who may ask: the page itself, and no page of another origin, even one that has the address."""

from collections.abc import Awaitable, Callable
from typing import Any

from ..viewing import HEADERS

App = Callable[[Any, Any, Any], Awaitable[None]]


class Guard:
    """Lets those requests through that come from the page itself: by their Host, Origin, and where the browser says they come from."""

    def __init__(self, app: App, hosts: tuple[str, ...]) -> None:
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer 403 to a request from elsewhere, and give every answer the headers of the page."""
        if scope["type"] != "http":
            return

        async def guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                own = {name.lower() for name, _ in message["headers"]}
                more = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message["headers"], *(pair for pair in more if pair[0] not in own)]
            await send(message)

        if self._is_own(scope):
            await self.app(scope, receive, guarded)
            return
        await guarded({"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain; charset=utf-8")]})
        await send({"type": "http.response.body", "body": b"403 Forbidden\n"})

    def _is_own(self, scope: Any) -> bool:
        found: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            found.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
        if found.get("host") not in [[host] for host in self.hosts]:
            return False
        if any(origin not in [f"http://{host}" for host in self.hosts] for origin in found.get("origin", [])):
            return False
        navigates = found.get("sec-fetch-mode") == ["navigate"] and scope["method"] == "GET"
        return navigates or all(site in ("same-origin", "none") for site in found.get("sec-fetch-site", []))
