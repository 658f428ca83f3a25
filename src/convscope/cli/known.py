"""What is known of networks that were opened before, for completion: from the user's cache, without a framework."""

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from ..digests import digest
from ..errors import ConvscopeError
from ..files import as_path, cache_folder, write_files
from ..formats.layer_list import list_file, read_list
from ..images.sources import SAMPLE, samples
from ..models import ModelBundle
from ..models.architectures import known as applications
from ..models.loading import DEFAULT, EMBEDDED
from ..network.listing import LayerInfo, layers
from ..session.place import Place

# Where the prompt stands, whose layers need no cache.
HERE: ContextVar[Place | None] = ContextVar("here", default=None)


@dataclass(frozen=True)
class Known:
    """The layers of a network, and the names of its classes."""

    layers: Sequence[LayerInfo] = ()
    classes: Sequence[str] = ()


def remember(model: str, bundle: ModelBundle) -> None:
    """Keep what is known of a network under the name of its model; without a cache, or layers, it is done without."""
    with contextlib.suppress(ConvscopeError, OSError):
        path = _place(model)
        if not path.exists():
            write_files({path: list_file([asdict(info) for info in layers(bundle)], bundle.labels or ())})


def recall(model: str) -> Known:
    """Return what is known of a model; nothing of one that was not opened since its file changed."""
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
        found = read_list(_place(model))
        return Known([_info(one) for one in found.layers], found.classes)
    return Known()


def _place(model: str) -> Path:
    state: Any = model.lower()
    with contextlib.suppress(OSError, ValueError):
        path = as_path(model)
        about = path.stat()
        state = (str(path.absolute()), about.st_mtime_ns, about.st_size)
    return cache_folder() / "layers" / f"{digest(repr(state).encode('utf-8', 'surrogateescape'))}.json"


def _info(values: Any) -> LayerInfo:
    return LayerInfo(**{**values, "shape": tuple(values["shape"])})


def known_on(ctx: click.Context) -> Known:
    """Return what is known of the model that a line names, or of the one at the prompt, or of the default one."""
    named, here = ctx.params.get("model"), HERE.get()
    if not named and here is not None:
        return Known(here.layers, here.classes)
    return recall(str(named or DEFAULT))


def layer_items(known: Known, incomplete: str, after: str = "") -> Iterator[CompletionItem]:
    """Yield the layers whose addresses hold what was typed, those first that begin so; each with its kind, map and field."""
    found = [info for info in known.layers if incomplete.lower() in info.address.lower()]
    for info in sorted(found, key=lambda info: not info.address.lower().startswith(incomplete.lower())):
        yield CompletionItem(info.address + after, help=described(info))


def unit_items(known: Known, incomplete: str, here: str = "") -> Iterator[CompletionItem]:
    """Yield what an address that was begun may become: layers, then classes or ranges of numbers. `:` means the layer `here`."""
    layer, colon, rest = incomplete.partition(":")
    if not colon:
        yield from layer_items(known, incomplete, ":")
        return
    info = next((info for info in known.layers if info.address == (layer or here)), None)
    if info is None:
        return
    names = known.classes if len(known.classes) == info.channels else ()
    for number, name in enumerate(names):
        if rest.lower() in name.lower() or str(number) == rest:
            yield CompletionItem(f"{layer}:{name}", help=f"unit {number}")
    for channels in dict.fromkeys(("0", f"0-{min(7, info.channels - 1)}", "all")):
        if not names and channels.startswith(rest):
            yield CompletionItem(f"{layer}:{channels}", help=f"{info.channels} units, 0 to {info.channels - 1}")


def image_items(incomplete: str) -> Iterator[CompletionItem]:
    """Yield the embedded samples that begin so, then files."""
    for name in samples():
        if (SAMPLE + name).startswith(incomplete):
            yield CompletionItem(SAMPLE + name, help="embedded")
    if not incomplete.startswith(SAMPLE):
        yield CompletionItem(incomplete, type="file")


def model_items(incomplete: str) -> Iterator[CompletionItem]:
    """Yield the names of models that begin so, then files."""
    for name in (DEFAULT, *EMBEDDED):
        if name.startswith(incomplete.lower()):
            yield CompletionItem(name, help="embedded")
    for name in applications():
        if name.lower().startswith(incomplete.lower()) and name.lower() != DEFAULT:
            yield CompletionItem(name.lower(), help="keras.applications")
    yield CompletionItem(incomplete, type="file")


def described(info: LayerInfo) -> str:
    """Return a layer's kind, map, units and field in a few words."""
    shape = " x ".join("?" if side is None else str(side) for side in (*info.shape, info.channels))
    return f"{info.kind} {shape}" + ("" if info.field is None else f", sees {info.field} px")


class ModelName(click.Path):
    """A model: completes the names of models, and files."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the names that begin so, and let the shell complete files."""
        return list(model_items(incomplete))
