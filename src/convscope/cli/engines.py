"""The options that say who works: an engine and its workers."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from ..engines import ENGINES, using
from ..options import ENGINE, Option
from .grouping import grouped
from .values import REAL

SIZE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
WORKERS = {"workers": "workers", "address": "address", "worker_cpus": "cpus", "worker_gpus": "gpus", "worker_memory": "memory"}


class _Engine(click.ParamType[str]):
    """Completes the names of engines; what fits is checked when one is made."""

    name = "engine"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        """Return the names that begin so."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(name) for name in ENGINES if name.startswith(incomplete)]


class _Memory(click.ParamType[int]):
    """Reads 16GiB, 500M or a number of bytes; K, M, G and T are powers of 1,024."""

    name = "memory"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the bytes."""
        if isinstance(value, int):
            return value
        found = SIZE.fullmatch(str(value).strip())
        if found is None:
            self.fail(f"`{value}` is not a size. Expected a number of bytes, such as 16GiB or 500M.", param, ctx)
        return int(float(found[1]) * 1024 ** POWERS[found[2].upper()])


def engine_options(option: Option) -> list[click.Option]:
    """Return the options that say who works: that of a function, and those of the workers."""
    options = [
        click.Option([option.flag, option.name], type=_Engine(), metavar=option.metavar, help=option.told),
        click.Option(["--workers"], metavar="N", help="How many workers, or `auto`: as many as there is room for."),
        click.Option(
            ["--address"], metavar="HOST:PORT", help="The cluster of --engine ray.  [default: $RAY_ADDRESS, else one on this machine]"
        ),
        click.Option(
            ["--worker-cpus"], type=REAL, metavar="N", help="CPUs of each worker on a cluster.  [default: 2; beside a GPU its share]"
        ),
        click.Option(
            ["--worker-gpus"], type=REAL, metavar="N", help="GPUs of each worker on a cluster.  [default: 1 where there are some]"
        ),
        click.Option(
            ["--worker-memory"], type=_Memory(), metavar="SIZE", help="Memory to reserve for each worker on a cluster, such as 8GiB."
        ),
    ]
    return list(grouped("Workers", options))


@contextmanager
def worked_by(options: Iterable[Option], given: dict[str, Any]) -> Iterator[None]:
    """Put the engine that the words of a command ask for among its values, in place of those words. The engine ends with the `with`.

    `options`: those of the function; where none of them is an engine, nothing happens. Raises OptionError.
    """
    option = next((one for one in options if one.names == ENGINE), None)
    if option is not None:
        asked = {name: given.pop(word) for word, name in WORKERS.items()}
        if given[option.name] is not None or any(value is not None for value in asked.values()):
            with using(given[option.name], **asked) as given[option.name]:
                yield
            return
    yield
