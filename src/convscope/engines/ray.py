"""A cluster of Ray: workers are actors that keep what they load. The only file that imports ray, at its first use.

Ray's own retries are off. An item whose worker died is given out again here, and what the caller keeps is its own affair: a scan's
journal takes each result once.
"""

import contextlib
import os
import secrets
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..errors import BackendError, ConvscopeError, OptionError
from ..legible import counted
from ..progress import notify
from .cores import with_threads
from .engine import EVERYWHERE, MACHINE, Item, Result, Workers
from .handing import Handing
from .tally import Tally

INSTALL = 'pip install "convscope[ray]"'
OLDEST = (2, 52)  # it brought tokens, and mended how a browser could reach a local cluster (CVE-2025-62593)
AHEAD = 2  # items that an actor has: one that it works on, and the next
MOST_CPUS, USUAL_CPUS = 8, 2  # of a worker with a GPU at most; of one without
LOOKED_AFTER = 3.0  # seconds between two looks at who joined
TOLD_AFTER, PATIENCE = 30.0, 900.0  # seconds without any worker until the user hears of it, and until it is an error
DEATHS = 3  # as often each worker may die while nothing is finished
OBJECT_STORE = 2**30
# A machine at work may be slow to answer; Ray's own limits take it for dead.
HEALTH = {"health_check_period_ms": 2000, "health_check_timeout_ms": 20000, "health_check_failure_threshold": 10}
LOOPBACK, MODE, TOKEN = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"


class Worker:
    """What an actor is: it keeps the last functions that it was given, with all that they have loaded."""

    def __init__(self, cpus: int) -> None:
        # Before a framework is imported: as many threads as Ray counts, and no GPU's memory taken in advance.
        for name, value in (with_threads(cpus) | {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}).items():
            os.environ.setdefault(name, value)
        self._functions: dict[str, Callable[[Any], Any]] = {}

    def answer(self) -> tuple[str, str]:
        """Return the id and the name of the node that it is on."""
        import ray

        return ray.get_runtime_context().get_node_id(), os.uname().nodename if hasattr(os, "uname") else ""

    def work(self, key: str, function: list[Any], item: Any) -> Any:
        """Return function(item); the function, a reference in a list, is fetched once."""
        import ray

        if key not in self._functions:
            while len(self._functions) > 1:
                self._functions.pop(next(iter(self._functions)))
            self._functions[key] = ray.get(function[0])
        return self._functions[key](item)


@dataclass(eq=False)
class _Actor:
    """An actor as the driver sees it. `node`: id and name, once it has answered; `running`: the items that it has, by their references."""

    handle: Any
    hello: Any
    node: tuple[str, str] | None = None
    running: dict[Any, int] = field(default_factory=dict)


class Ray:
    """Workers on a Ray cluster: one of its own on this machine, or a running one.

    - `workers`: how many; by default as many as the cluster has room for, and more when nodes join.
    - `cpus`, `gpus`, `memory` (bytes): of each worker. By default a GPU each where there are some, else 2 CPUs.
    - `address`: HOST:PORT of a running cluster, or "auto". By default $RAY_ADDRESS, else a cluster of its own, which listens on the
      loopback interface alone, has no dashboard, and ends with `close`.

    Cluster and workers stay between two calls of `map`, until `close`. Of a running cluster nothing else is changed.

    >>> convscope.scan(model, "s3://bucket/photos/", engine=Ray(workers=64, gpus=1, address="auto"))
    """

    def __init__(
        self,
        workers: int | None = None,
        *,
        cpus: float | None = None,
        gpus: float | None = None,
        memory: int | None = None,
        address: str | None = None,
    ) -> None:
        self._asked = Workers(workers, cpus, gpus, memory, address or os.environ.get("RAY_ADDRESS") or None)
        if (self._asked.address or "").startswith("ray://"):
            raise OptionError(
                f"`{self._asked.address}` is an address of Ray Client, which convscope does not use: every result would pass through a "
                "proxy. Run the command on a machine of the cluster with --address HOST:6379, or submit it as a job (docs/cluster.md)."
            )
        self._ray: Any = None
        self._folder: str | None = None
        self._started = False
        self._actors: list[_Actor] = []
        self._told: set[str] = set()
        self._looked = 0.0
        self._wanted = 0
        self._deaths = 0

    def __repr__(self) -> str:
        return f"Ray({self._asked.count or 'auto'} workers, {self._asked.address or 'on this machine'})"

    @property
    def reach(self) -> str:
        """How far away its workers may be."""
        return EVERYWHERE if self._asked.address else MACHINE

    @property
    def workers(self) -> int:
        """How many workers there are now; before the first has answered, how many there will be."""
        self._open()
        return max(1, sum(actor.node is not None for actor in self._actors) or self._wanted)

    def map(self, function: Callable[[Item], Result], items: Iterable[Item], /) -> Iterator[Result]:
        """Yield function(item) for each item, as they come. Raises what the function raises, and ConvscopeError if workers keep dying."""
        self._open()
        key, reference = secrets.token_hex(8), self._ray.put(function)
        handing: Handing[Item] = Handing(items)
        tally = Tally()
        began, told = time.monotonic(), False
        self._deaths = 0
        try:
            while not handing.is_done:
                self._grow()
                self._give_out(handing, key, reference)
                told = self._wait_for_workers(began, told)
                for actor, number, result in self._finished(handing):
                    if handing.finish(id(actor), number):
                        self._deaths = 0
                        tally.add(actor.node[1] if actor.node else "", _weight(result))
                        yield result
            tally.tell()
        finally:
            self._end([actor for actor in self._actors if actor.running])

    def close(self) -> None:
        """End the workers, and the cluster if it was started here."""
        if self._ray is None:
            return
        self._end(self._actors)
        if self._started:
            self._ray.shutdown()
        self._ray, self._started = None, False
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _open(self) -> None:
        if self._ray is not None:
            return
        ray = _imported(local=self._asked.address is None)
        if not ray.is_initialized():
            with _handlers_kept():
                self._start(ray)
            ray._private.worker._worker_logs_enabled = False  # it would print each death to standard output; `_bury` tells them
            self._started = True
        self._ray = ray
        self._grow()

    def _start(self, ray: Any) -> None:
        quiet = {"log_to_driver": False, "logging_level": "ERROR", "namespace": f"convscope-{secrets.token_hex(4)}"}
        if self._asked.address is None:
            self._folder = tempfile.mkdtemp(prefix="cs-")
            with _loopback(ray):
                ray.init(
                    address="local",
                    include_dashboard=False,
                    object_store_memory=OBJECT_STORE,
                    _temp_dir=self._folder,
                    _system_config=HEALTH,
                    **quiet,
                )
            return
        try:
            ray.init(address=self._asked.address, **quiet)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            raise BackendError(
                f"No Ray cluster answers at `{self._asked.address}`: {error}. Expected HOST:PORT of its head, whose port is 6379 unless "
                "it was started with another, and the same releases of Python and Ray there."
            ) from error
        token = "with a token" if os.environ.get(TOKEN) or os.environ.get(MODE) == "token" else "without a token"
        notify(f"Ray cluster at {self._asked.address}, {len(_nodes(ray))} nodes, {token}.")

    def _grow(self) -> None:
        """Start the workers that are missing: because the cluster has grown, or because some have died."""
        if time.monotonic() - self._looked < LOOKED_AFTER and len(self._actors) >= self._wanted:
            return
        ray, self._looked = self._ray, time.monotonic()
        cpus, gpus = self._share(_nodes(ray))
        room = sum(_room(node, cpus, gpus, self._asked.memory) for node in _nodes(ray))
        self._wanted = self._asked.count or room
        if not self._wanted and not self._actors:
            raise OptionError(
                f"No node of the Ray cluster has room for a worker with {cpus:g} CPUs, {gpus:g} GPUs"
                f"{f' and {self._asked.memory:,} bytes' if self._asked.memory else ''}. Ask for less with --worker-cpus, --worker-gpus "
                "and --worker-memory, or say --workers to wait for nodes."
            )
        asked = {"num_cpus": cpus, "num_gpus": gpus, "max_restarts": 0, "max_task_retries": 0, "scheduling_strategy": "SPREAD"}
        if self._asked.memory:
            asked["memory"] = self._asked.memory
        self._end([actor for actor in self._actors[self._wanted :] if actor.node is None])  # of a node that is gone
        while len(self._actors) < self._wanted:
            handle = ray.remote(Worker).options(**asked).remote(max(1, int(cpus)))
            self._actors.append(_Actor(handle, handle.answer.remote()))

    def _share(self, nodes: list[dict[str, Any]]) -> tuple[float, float]:
        """Return the CPUs and GPUs of each worker."""
        most: dict[str, float] = max((node["Resources"] for node in nodes), key=lambda one: one.get("GPU", 0), default={})
        gpus = self._asked.gpus if self._asked.gpus is not None else float(most.get("GPU", 0) > 0)
        if self._asked.cpus is not None:
            return self._asked.cpus, gpus
        if gpus and most.get("GPU"):
            return max(1.0, min(MOST_CPUS, most.get("CPU", 1) // (most["GPU"] / gpus))), gpus
        largest = max((node["Resources"].get("CPU", 0) for node in nodes), default=1)
        return max(1.0, min(USUAL_CPUS, largest)), gpus

    def _give_out(self, handing: Handing[Any], key: str, reference: Any) -> None:
        """Give items to the workers that have answered once, one more to each in turn: what waits for a worker on no node is lost."""
        for held in range(AHEAD):
            for actor in self._actors:
                if actor.node is None or len(actor.running) != held:
                    continue
                found = handing.next_for(id(actor), idle=held == 0)
                if found is not None:
                    actor.running[actor.handle.work.remote(key, [reference], found[1])] = found[0]

    def _finished(self, handing: Handing[Any]) -> Iterator[tuple[_Actor, int, Any]]:
        """Wait a while and yield what is finished: worker, item and result. A worker that died is let go, and its items are lost."""
        hellos = {actor.hello: actor for actor in self._actors if actor.node is None}
        running = {reference: actor for actor in self._actors for reference in actor.running}
        ready, _ = self._ray.wait([*running, *hellos], num_returns=1, timeout=1.0) if running or hellos else ([], [])
        more, _ = self._ray.wait([*running, *hellos], num_returns=len(running) + len(hellos), timeout=0) if ready else ([], [])
        for reference in sorted(more, key=lambda one: one in hellos):
            actor = hellos.get(reference) or running[reference]
            if actor not in self._actors:
                continue
            try:
                result = self._ray.get(reference)
            except self._ray.exceptions.RayTaskError as error:
                raise error.cause if isinstance(error.cause, Exception) else ConvscopeError(f"A worker failed: {error}") from error
            except self._ray.exceptions.RayError as error:
                self._bury(actor, handing, error)
                continue
            if reference in hellos:
                actor.node = result
            else:
                yield actor, actor.running.pop(reference), result

    def _bury(self, actor: _Actor, handing: Handing[Any], error: Exception) -> None:
        """Let a worker go that died or is out of reach; say so once for each node."""
        lost = handing.lose(id(actor))
        self._end([actor])
        self._deaths += 1
        name, place = (actor.node[1], actor.node[0]) if actor.node else ("a new node", "")
        if place not in self._told:
            self._told.add(place)
            parts = counted(lost, "part")
            notify(f"A worker on {name} died ({type(error).__name__}). What it had is given out again: {parts} of the work.")
        if self._deaths >= DEATHS * max(1, self._wanted):
            raise ConvscopeError(
                f"{self._deaths} workers died one after the other, the last on {name}, and nothing was finished in between. They were "
                "killed, or memory ran out. Finished work is kept. Repeat the command with fewer --workers or more --worker-memory."
            ) from error

    def _wait_for_workers(self, began: float, told: bool) -> bool:
        """Say once that no worker has answered for a while, raise BackendError in the end; return whether it was said."""
        waited = time.monotonic() - began
        if any(actor.node is not None for actor in self._actors) or waited < TOLD_AFTER:
            return told
        if waited > PATIENCE:
            raise BackendError(
                f"No worker has started in {waited / 60:.0f} minutes. Other programs may use the cluster, or its nodes lack convscope or "
                "room. Finished work is kept, and the same command resumes."
            )
        if not told:
            notify(f"Waiting for the first of {self._wanted} workers to start.")
        return True

    def _end(self, actors: Iterable[_Actor]) -> None:
        for actor in list(actors):
            with contextlib.suppress(Exception):
                self._ray.kill(actor.handle, no_restart=True)
            self._actors.remove(actor)


def made(workers: Workers) -> Ray:
    """Return the engine that a user asks for by its name."""
    return Ray(workers.count, cpus=workers.cpus, gpus=workers.gpus, memory=workers.memory, address=workers.address)


def _weight(result: Any) -> int:
    """Return how much a result counts: its images, where it says how many."""
    images = getattr(result, "images", 1)
    return images if isinstance(images, int) else 1


def _nodes(ray: Any) -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


def _room(node: dict[str, Any], cpus: float, gpus: float, memory: int | None) -> int:
    """Return for how many workers a node has room."""
    asked = {"CPU": cpus, "GPU": gpus, "memory": memory or 0}
    return int(min((node["Resources"].get(name, 0) // least for name, least in asked.items() if least), default=1))


def _imported(*, local: bool) -> Any:
    """Return ray. Raises BackendError where it is missing or too old."""
    if local and "ray" not in sys.modules and MODE not in os.environ and TOKEN not in os.environ:
        os.environ.update({MODE: "token", TOKEN: secrets.token_hex(32)})  # of this process and what it starts; no file holds it
    os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")  # of items that nobody waits for any more
    try:
        import ray
    except ImportError as error:
        raise BackendError(f"The engine `ray` needs a package that is not installed. Install it with: {INSTALL}") from error
    found = tuple(int(part) for part in ray.__version__.split(".")[:2])
    if found < OLDEST:
        raise BackendError(f"Ray {ray.__version__} is installed; convscope needs 2.52 or newer. Install it with: {INSTALL}")
    return ray


@contextlib.contextmanager
def _loopback(ray: Any) -> Iterator[None]:
    """Let a cluster that starts now listen on the loopback interface alone; Ray would take the machine's own address."""
    constants = ray._private.ray_constants
    before, said = constants.ENABLE_RAY_CLUSTER, os.environ.get(LOOPBACK)
    constants.ENABLE_RAY_CLUSTER, os.environ[LOOPBACK] = False, "0"
    try:
        yield
    finally:
        constants.ENABLE_RAY_CLUSTER = before
        os.environ.pop(LOOPBACK)
        if said is not None:
            os.environ[LOOPBACK] = said


@contextlib.contextmanager
def _handlers_kept() -> Iterator[None]:
    """Keep what this process does at a signal: Ray would end it at once at SIGTERM."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
