"""What a framework says when it cannot compute something, as one of our sentences; and compiled functions that fail as plain ones would."""

from collections.abc import Callable
from typing import Any

from ..errors import ConvscopeError, ExhaustedError, ModelError, first_sentence
from ..hints import listing
from .lazy import engine

# What NumPy, TensorFlow, XLA and PyTorch say where memory runs out, in lower case; only NumPy has an exception of its own for it.
OUT_OF_MEMORY = ("out of memory", "resource_exhausted", "oom when allocating", "can't allocate memory", "not enough memory", "bad_alloc")
LESS = "Use smaller images or fewer at once (in ascend a smaller --size or --diversity, in scan fewer --workers), or end other programs."


def failure(error: Exception, doing: str) -> ConvscopeError:
    """Return one sentence for what went wrong while `doing`, such as "`conv1` (Conv2D) cannot be computed"; our own errors as they are."""
    if isinstance(error, ConvscopeError):
        return error
    if ran_out(error):
        return ExhaustedError(f"{doing}: the memory ran out. {LESS}")
    return ModelError(f"{doing}: {first_sentence(error)} `{listing()}` lists the layers; those before it can be looked at.")


def ran_out(error: BaseException) -> bool:
    """Say whether an exception means that there was too little memory."""
    text = str(error).lower()
    return (
        isinstance(error, MemoryError) or "resourceexhausted" in type(error).__name__.lower() or any(one in text for one in OUT_OF_MEMORY)
    )


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function as one graph where the framework can make one; else, from its first failure on, as it is.

    What computes call by call also says which call it is that fails.
    """
    graph = engine().compiled(function)
    failed = False

    def run(*arguments: Any) -> Any:
        nonlocal failed
        if not failed:
            try:
                return graph(*arguments)
            except Exception as error:
                if ran_out(error):
                    raise failure(error, "The network cannot be computed") from error
                failed = True
        return function(*arguments)

    return run
