"""From the worker's thread to whoever waits in the server's."""

import asyncio
import contextlib

from .desk import Heard


class Mailbox:
    """What a job told that nobody has taken yet: of pictures that grow only the last, so that a slow reader holds nothing up."""

    def __init__(self) -> None:
        self._loop, self._filled, self._heard = asyncio.get_running_loop(), asyncio.Event(), list[Heard]()

    def put(self, heard: Heard) -> None:
        """Take what a job told, from its thread."""
        with contextlib.suppress(RuntimeError):  # the server has ended
            self._loop.call_soon_threadsafe(self._take, heard)

    def _take(self, heard: Heard) -> None:
        self._heard = [heard] if not heard.last else [*self._heard, heard]
        self._filled.set()

    async def get(self) -> Heard:
        """Wait for the next message."""
        await self._filled.wait()
        heard = self._heard.pop(0)
        if not self._heard:
            self._filled.clear()
        return heard
