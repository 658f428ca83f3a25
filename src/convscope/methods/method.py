"""What a method says of itself, so that the command line, the session and `replay` can offer it without knowing it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .. import backend
from ..registry import Registry
from ..results import Provenance, Result

BUILTIN = {
    "activations": "convscope.methods.activations",
    "deconv": "convscope.methods.deconv",
    "saliency": "convscope.methods.saliency",
    "ascend": "convscope.methods.ascent",
    "tsne": "convscope.methods.embedding",
}


@dataclass(frozen=True)
class Option:
    """One keyword of a method: `--name` on the command line, a question in the session.

    `type` is int, float, str or bool (a flag); `choices` restricts a str; `shortcuts` are flags that stand for one of its values, such
    as ("--no-switches", "spread"). `asked` says whether the session asks for it.
    """

    name: str
    type: type
    default: Any
    help: str
    choices: tuple[str, ...] = ()
    shortcuts: tuple[tuple[str, str], ...] = ()
    asked: bool = False


@dataclass(frozen=True)
class Method:
    """One way of looking. `run(bundle, *taken, **options)` returns a Result; `takes` names what comes before the options,
    among "layer", "unit", "units", "images". `examples` are complete command lines.
    """

    name: str
    summary: str
    run: Callable[..., Result]
    takes: tuple[str, ...]
    options: tuple[Option, ...] = ()
    examples: tuple[str, ...] = ()
    description: str = ""


METHODS: Registry[Method] = Registry("method", builtin=BUILTIN, group="convscope.methods")


def provenance(
    method: str, bundle: Any, inputs: tuple[dict[str, Any], ...], parameters: dict[str, Any], seed: int | None = None
) -> Provenance:
    """Return the provenance of a result that `method` is making now on the chosen backend."""
    return Provenance(
        method=method,
        model=bundle.identity(),
        inputs=inputs,
        parameters=parameters,
        seed=seed,
        backend={"name": backend.choose(), "device": backend.device_name()},
        versions=backend.versions(),
    )
