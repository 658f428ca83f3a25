"""How a method describes itself, so that the command line, the session and `replay` can offer it without knowing it."""

import functools
import inspect
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from . import backend
from .errors import OptionError
from .options import RUN, Option, options_of
from .results import Provenance, Result
from .writing import PARTS, PICTURE, writer

INPUTS = ("layer", "unit", "units", "other", "images", "words")
# Options of every method, which the drawing reads.
DRAWING = options_of(Result.drawn)


@dataclass(frozen=True)
class Written:
    """The files of one piece of a request, made now or, where `new` is False, there already from an earlier attempt.

    `result`: what was written, where it is at hand. `units`: those whose pictures these are, where a request is for many. `sheet`: they
    show what other pieces have written. `indexed`: the page in the folder will show them.
    """

    paths: tuple[Path, ...]
    new: bool = True
    result: Result | None = None
    units: tuple[Any, ...] = ()
    sheet: bool = False
    indexed: bool = False

    @property
    def listed(self) -> bool:
        """Say whether its files are worth a line: of many units only their sheets and the pictures of a page are."""
        return self.sheet or self.indexed or not self.units


class Writes(Protocol):
    """Writes a request piece by piece, each as soon as it is made; what is there already is left as it is."""

    def __call__(self, folder: Path, *, raw: bool = False) -> Iterator[Written]:
        """Write into `folder` and yield what is written. Ctrl-C leaves it."""


@dataclass(frozen=True)
class Pieces:
    """How a request is made, once its units are known: as one result by `whole`, or as many by `write`; None where that is not possible.

    `whole()` returns the result; where it is one picture that can be `watched`, it takes `watch`, which hears of each step. `results`: what
    makes each of many results, by name, where a page in the folder shows them all.
    """

    whole: Callable[..., Result] | None = None
    write: Writes | None = None
    watched: bool = False
    results: Mapping[str, Callable[[], Result]] = field(default_factory=dict)


@dataclass(frozen=True)
class Earlier:
    """How to tell that an earlier attempt wrote one of many results, and that it need not be made again.

    `provenance`: what it would have if it were made now. `units`: whose picture it is. `since`: a file that is written again whenever what
    it is made of changes. `beside`: endings of the files that lie beside the picture.
    """

    provenance: Callable[[], Provenance]
    units: tuple[Any, ...]
    since: Path
    beside: tuple[str, ...] = ()

    def is_at(self, picture: Path, *, raw: bool) -> bool:
        """Say whether it is written: all its files are there, from the same inputs, settings and release."""
        beside = [picture.with_suffix(suffix) for suffix in (*self.beside, *((".npz",) if raw else ()))]
        if not all(path.is_file() for path in (picture, picture.parent / PARTS / f"{picture.stem}.json", *beside)):
            return False
        told = self.provenance()
        newer = picture.stat().st_mtime_ns >= self.since.stat().st_mtime_ns
        return newer and writer().is_written(told, f"{told.method}{PICTURE}", picture, inputs=True)


def paged(title: str, results: Mapping[str, Callable[[], Result]], earlier: Mapping[str, Earlier] | None = None) -> Pieces:
    """Return the pieces of what is too much for one picture: results under their names and a page that shows all; one alone is whole.

    What an earlier attempt wrote, as far as `earlier` tells it, is left as it is.
    """
    if len(results) == 1:
        return Pieces(whole=next(iter(results.values())), results=results)
    known = earlier or {}

    def write(folder: Path, *, raw: bool = False) -> Iterator[Written]:
        kept = {name for name, one in known.items() if one.is_at(folder / f"{name}{PICTURE}", raw=raw)}
        made = ((name, None if name in kept else make()) for name, make in results.items())
        for name, (result, paths) in zip(results, writer().write_pages(folder, title, made, raw=raw), strict=False):
            units = known[name].units if name in known else ()
            yield Written(tuple(paths), name not in kept, result, units, indexed=True)

    return Pieces(write=write, results=results)


@dataclass(frozen=True)
class Method:
    """One way of looking, which its function tells: `run(model, *inputs, **options)` returns a Result.

    The parameters behind the model are the inputs, among "layer", "unit", "units", "images" and "words"; those that an `Opt` annotates are
    the options (options.py); with a parameter `watch` it tells that of each step. `summary` is the sentence that `--help` shows; the
    catalogue has those of the built-in methods. `examples` are complete command lines.

    `divide(model, *inputs, **options)` returns the Pieces of a request that may be too large for one picture. Inputs and options of its own
    are offered beside those of `run`. `network(inputs, options, told)` returns the network of a request that names none, or None where
    none is needed; `told` is what `load` would be told. `suffices(inputs)` says whether they hold what a network would compute, so none is
    named. `in_todays_words(parameters)` returns the parameters that an earlier release recorded in a picture as `run` takes them now.
    `explain(network)` says in a few words what the method shows of a network.
    """

    name: str
    run: Callable[..., Result]
    examples: tuple[str, ...] = ()
    summary: str = ""
    description: str = ""
    divide: Callable[..., Pieces] | None = None
    network: Callable[[tuple[Any, ...], Mapping[str, Any], Mapping[str, Any]], Any] | None = None
    suffices: Callable[[tuple[Any, ...]], bool] | None = None
    in_todays_words: Callable[[Mapping[str, Any]], dict[str, Any]] = dict
    explain: Callable[[Any], str] | None = None

    def __post_init__(self) -> None:
        """Raise OptionError for an input that no front end knows."""
        odd = next((name for name in self.takes if name not in INPUTS), None)
        if odd is not None:
            raise OptionError(
                f"The method `{self.name}` takes `{odd}` before its options. Expected {', '.join(INPUTS)}; annotate an option with Opt."
            )

    @property
    def parameters(self) -> frozenset[str]:
        """The names of all that its function takes."""
        return frozenset(inspect.signature(self.run).parameters)

    @property
    def takes(self) -> tuple[str, ...]:
        """The names of the inputs, in order."""
        _, *behind = inspect.signature(self.divide or self.run).parameters.values()
        own = {option.name for option in options_of(self.run)}
        return tuple(one.name for one in behind if one.kind is one.POSITIONAL_OR_KEYWORD and one.name not in own)

    @property
    def options(self) -> tuple[Option, ...]:
        """The options, in order: those of the function, of large requests, and those that every method has."""
        named = {option.name: option for option in (*options_of(self.run), *(options_of(self.divide) if self.divide else ()), *DRAWING)}
        return tuple(named.values())

    @property
    def large_options(self) -> tuple[Option, ...]:
        """The options that only a request for many pictures has, and that may stand for the inputs; not who works."""
        return () if self.divide is None else tuple(option for option in options_of(self.divide) if option.recorded)

    @property
    def names_files(self) -> bool:
        """Say whether what it looks at may be the folder of a run, which names files elsewhere."""
        return self.network is not None or any(option.names == RUN for option in self.options)

    @functools.cached_property
    def has_page(self) -> bool:
        """Say whether its result can be written as a page of its own."""
        return hasattr(typing.get_type_hints(self.run).get("return"), "save_page")


def told_words(told: Mapping[str, Any]) -> Iterator[str]:
    """Yield the options of a command that tell `load` what `told` does, and what `bundle.given` recorded."""
    for name, value in told.items():
        if name == "labels" and isinstance(value, list | tuple):
            continue  # names without a file, which no command can say
        if isinstance(value, Mapping):
            value = [f"{one}={number}" for one, number in value.items()]
        flag = "--input" if name == "inputs" else f"--{name.replace('_', '-')}"
        if name == "input_shape" and value:
            value = [",".join("?" if side is None else str(side) for side in value)]
        for one in value if isinstance(value, list | tuple) else [value]:
            if one not in (None, False):
                yield from [flag] if one is True else [flag, str(one)]


def provenance(
    method: str, bundle: Any, inputs: tuple[dict[str, Any], ...], parameters: dict[str, Any], seed: int | None = None
) -> Provenance:
    """Return the provenance of a result that `method` is making now on the chosen backend, or with no network (None) on none."""
    return Provenance(
        method=method,
        model={} if bundle is None else bundle.identity(),
        inputs=inputs,
        parameters=parameters,
        seed=seed,
        backend={} if bundle is None else {"name": backend.choose(), "device": backend.device_name()},
        versions=backend.versions(),
    )
