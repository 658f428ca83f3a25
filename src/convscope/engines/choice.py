"""Which engine works: a text of the user's, or an object that a user made."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from ..errors import OptionError
from ..numerals import natural
from ..registry import Registry
from .cores import available_cpus
from .engine import Engine, Serial, Workers
from .processes import MOST_PROCESSES, Processes

AUTO = "auto"
LOCAL, PROCESSES, RAY = "local", "processes", "ray"
USUAL = f"{LOCAL}; {PROCESSES} with --workers"  # the default, as help texts say it


def _local(workers: Workers) -> Engine:
    if workers.count is not None and workers.count > 1:
        raise OptionError(f"The engine `{LOCAL}` is one worker: this process. Use --engine {PROCESSES}:{workers.count}.")
    replace(workers, count=None).only(LOCAL)
    return Serial()


def _processes(workers: Workers) -> Engine:
    workers.only(PROCESSES, "count")
    return Processes(workers.count or min(available_cpus(), MOST_PROCESSES))


def _ray(workers: Workers) -> Engine:
    from .ray import made

    return made(workers)


# Engines by name: what a user asks of the workers -> an engine. Each is called when it is chosen, and may load what it needs then.
ENGINES: Registry[Callable[[Workers], Engine]] = Registry("engine", group=__package__)
ENGINES.register(LOCAL, _local)
ENGINES.register(PROCESSES, _processes)
ENGINES.register(RAY, _ray)


def engine_of(engine: Any = None, workers: int | str | None = None, **asked: Any) -> Engine:
    """Return the engine that is meant.

    - `engine`: a name of ENGINES, with a number of workers if wanted ("local", "processes:4"), or an object with a method
      `map(function, items)`. By default "processes" where there are several workers, else "local".
    - `workers`: how many, or "auto", which is as many as fit. `asked`: what else a `Workers` has.

    Raises OptionError.
    """
    wanted = Workers(_count(workers), **asked)
    if engine is None:
        engine = LOCAL if workers is None or wanted.count == 1 else PROCESSES
    if not isinstance(engine, str):
        return _made(engine, wanted)
    name, colon, number = engine.partition(":")
    if number.startswith("//"):
        raise OptionError(
            f"`{engine}` is an address of Ray Client, which convscope does not use. Run the command on a machine of the cluster, with "
            f"--engine {name} --address {number[2:].rpartition(':')[0] or 'HOST'}:6379, or submit it as a job (docs/cluster.md)."
        )
    if colon:
        if workers is not None:
            raise OptionError(f"Received the engine `{engine}` and {workers} workers. Say the number once.")
        wanted = replace(wanted, count=_count(number))
    return ENGINES.get(name)(wanted)


@contextlib.contextmanager
def using(engine: Any = None, workers: int | str | None = None, **asked: Any) -> Iterator[Engine]:
    """Yield the engine that is meant, as `engine_of` does. One that is made here from its name ends with the block."""
    found = engine_of(engine, workers, **asked)
    try:
        yield found
    finally:
        if found is not engine and hasattr(found, "close"):
            found.close()


def _made(engine: Any, workers: Workers) -> Engine:
    if not callable(getattr(engine, "map", None)) or isinstance(engine, type):
        raise OptionError(
            f"Received {engine!r} as engine. Expected a name ({', '.join(ENGINES)}), or an object with a method map(function, items)."
        )
    if workers not in (Workers(), Workers(1)):
        raise OptionError(f"Received {workers.count or 'options of'} workers and an engine that is made already. Use one of them.")
    made: Engine = engine
    return made


def _count(text: int | str | None) -> int | None:
    if text is None or text == AUTO:
        return None
    try:
        return natural(text) if isinstance(text, str) else int(text)
    except ValueError as error:
        raise OptionError(f"Received `{text}` workers. Expected a whole number, or {AUTO}.") from error
