"""Which tensor a reference in a file means: the outputs of the calls made so far, by the numbers that each Keras gave them."""

from collections.abc import Callable
from typing import Any

from ...errors import ModelError
from .entries import NetworkEntry, TensorRef, shown


class Wires:
    """The flat outputs of each call of each layer of one network.

    Keras 1 and 2 counted a nested network's creation as its first call. Keras 3 counts so only where a functional network's outputs are
    named; its first releases also where layers name their inputs, which shows by a number beyond the calls there are.
    """

    def __init__(self, network: NetworkEntry, writer: int) -> None:
        self.network = network
        self.outputs: dict[str, list[list[Any]]] = {}
        highest: dict[str, int] = {}
        for entry in network.layers:
            for call in entry.calls:
                for ref in references(call):
                    highest[ref.layer] = max(highest.get(ref.layer, 0), ref.call)
        nested = {entry.stored: entry for entry in network.layers if entry.network is not None}
        self._inside = {name for name, entry in nested.items() if writer < 3 or highest.get(name, 0) >= len(entry.calls)}
        self._final = {name for name, entry in nested.items() if writer < 3 or (entry.network is not None and not entry.network.sequential)}

    def add(self, layer: str, values: list[Any]) -> tuple[str, int]:
        """Keep the outputs of the next call of a layer, named as the file names it; return the layer and the number of the call."""
        calls = self.outputs.setdefault(layer, [])
        calls.append(values)
        return layer, len(calls) - 1

    def missing(self, call: Any) -> tuple[str, int] | None:
        """Return which call of which layer has to come before a call, None if all that it needs has been computed."""
        return next(((ref.layer, self._number(ref, self._inside)) for ref in references(call) if not self._found(ref, self._inside)), None)

    def filled(self, structure: Any) -> Any:
        """Return a call's arguments with tensors in the place of references."""
        return replaced(structure, lambda ref: self._one(ref, self._inside))

    def final(self, structure: Any) -> Any:
        """Return the network's inputs or outputs; the one tensor of a list of one as it is."""
        tensors = replaced(structure, lambda ref: self._one(ref, self._final))
        return tensors[0] if isinstance(tensors, list) and len(tensors) == 1 else tensors

    def _one(self, ref: TensorRef, shifted: set[str]) -> Any:
        if found := self._found(ref, shifted):
            return found[0]
        raise ModelError(
            f"The architecture in the file is malformed: layer {shown(ref.layer)} has no output {ref.output} of call {ref.call}."
        )

    def _found(self, ref: TensorRef, shifted: set[str]) -> list[Any]:
        if ref.layer not in self.network.by_name:
            raise ModelError(f"The architecture in the file is malformed: `{self.network.name}` has no layer {shown(ref.layer)}.")
        calls = self.outputs.get(ref.layer, [])
        number = self._number(ref, shifted)
        return calls[number][ref.output : ref.output + 1] if 0 <= number < len(calls) and ref.output >= 0 else []

    def _number(self, ref: TensorRef, shifted: set[str]) -> int:
        return max(ref.call - 1, 0) if ref.layer in shifted else ref.call


def references(structure: Any) -> list[TensorRef]:
    """Return the references among nested arguments, in order."""
    found: list[TensorRef] = []
    replaced(structure, found.append)
    return found


def replaced(structure: Any, function: Callable[[TensorRef], Any]) -> Any:
    """Return nested lists, tuples and dicts with `function` applied to each reference."""
    if isinstance(structure, TensorRef):
        return function(structure)
    if isinstance(structure, list | tuple):
        return type(structure)(replaced(part, function) for part in structure)
    if isinstance(structure, dict):
        return {key: replaced(part, function) for key, part in structure.items()}
    return structure
