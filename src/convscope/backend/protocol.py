"""What convscope asks of a framework. The module `NAME_engine` of each is one `Engine`; nothing else in the house imports a framework."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

Pullback = Callable[[Any], list[Any]]


class Engine(Protocol):
    """A framework's own way of doing what Keras does not offer. Tensors are the framework's, batch first and channels last.

    `FAST_POOLING`: whether the framework's own gradient of max pooling is faster than one made of slices and comparisons. `ANY_COUNT`:
    whether what is compiled for a batch serves smaller ones, at most compiled once more for all of them.
    """

    FAST_POOLING: bool
    ANY_COUNT: bool

    def vjp(
        self, function: Callable[..., Any], inputs: Sequence[Any], *, lasting: bool = False, output: Any = None
    ) -> tuple[Any, Pullback]:
        """Return function(*inputs) and its vector-Jacobian product: from the signal at the output to one for each input.

        The output may be a list. It can be pulled back any number of times. An input that does not matter, or that holds whole numbers,
        gets zeros; one tensor given twice is two inputs. `lasting`: this very function will be asked for again, so that something may
        be kept with it. `output`: what it computes, or what stands for that: then the engine may return it and compute nothing forward.
        """

    def value_and_gradient(self, function: Callable[..., Any]) -> Callable[..., tuple[Any, Any]]:
        """Differentiate a function that returns (scalar, extra) by its first argument: -> (extra, gradient)."""

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function as one graph, or as it is where the framework makes none. Its arguments are tensors."""

    def lean(self, layer: Any, dtype: str) -> Callable[[Any], Any] | None:
        """Return what computes the same as `layer` in "float32" or "bfloat16" at less cost, None where Keras' own is as good.

        It may hold the weights in another form, so they must not change while it is in use.
        """

    def device(self) -> str:
        """Return the framework's name for the device that computes, such as "cpu"."""

    def device_kind(self) -> str:
        """Return what kind of device that is, such as "NVIDIA H100", or "cpu"."""
