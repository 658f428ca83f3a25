"""The options that say who works: an engine and its workers."""

import re
from contextlib import AbstractContextManager
from typing import Any

import click

from ..engines import ENGINES, Engine, using
from .grouping import grouped
from .values import REAL

SIZE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


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


def engine_options() -> list[click.Option]:
    """Return the options that say who works."""
    options = [
        click.Option(
            ["--engine"],
            type=_Engine(),
            metavar="ENGINE",
            help=(
                "Who works: `local` (this process), `processes:N`, `ray` (a cluster, docs/cluster.md), or an engine of a plug-in.  "
                "[default: local; processes with --workers]"
            ),
        ),
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


def chosen_engine(given: dict[str, Any]) -> AbstractContextManager[Engine]:
    """Take the options of `engine_options` out of the values of a command, and return the engine that they mean, for a `with`.

    Raises OptionError.
    """
    names = {"address": "address", "worker_cpus": "cpus", "worker_gpus": "gpus", "worker_memory": "memory"}
    asked = {name: given.pop(option) for option, name in names.items()}
    return using(given.pop("engine"), given.pop("workers"), **asked)
