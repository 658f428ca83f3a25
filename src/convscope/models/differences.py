"""Where Keras computes other numbers on the framework at hand than a network was trained with, and no way round is known."""

from collections.abc import Iterator
from typing import Any

from ..backend import choose
from ..legible import legible
from .tracing import functional_of, nodes_of

RESIZING = ("Resizing", "UpSampling2D", "Resize")


def difference_notes(network: Any) -> tuple[str, ...]:
    """Return a sentence on the layers of a network that PyTorch computes otherwise than TensorFlow and JAX, none elsewhere."""
    if choose() != "torch":
        return ()
    bicubic = sorted({one.name for one in _operations(network) if _is_bicubic(one)})
    if not bicubic:
        return ()
    named = ", ".join(f"`{legible(name)}`" for name in bicubic[:3]) + (f" and {len(bicubic) - 3} more" if len(bicubic) > 3 else "")
    return (
        f"PyTorch resizes by another bicubic kernel (-0.75) than TensorFlow and JAX (-0.5), by up to a tenth of an image's range: {named}",
    )


def _is_bicubic(operation: Any) -> bool:
    """Say whether an operation resizes by the kernel that differs; the one for antialiasing does not."""
    name, told = type(operation).__name__, getattr(operation, "interpolation", None)
    return name in RESIZING and told == "bicubic" and not getattr(operation, "antialias", False)


def _operations(network: Any) -> Iterator[Any]:
    for node in nodes_of(functional_of(network)):
        yield node.operation
        if hasattr(node.operation, "layers"):
            yield from _operations(node.operation)
