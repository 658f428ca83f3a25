"""The flat graph: one node per call of a layer, nested models inlined, fused activations split off."""

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..backend import failure, keras, ops
from ..errors import ModelError, UnitError, closest
from ..hints import listing, option
from .kinds import ACTIVATIONS, LINEAR, Kind


@dataclass(frozen=True)
class Ref:
    """One output of an earlier call."""

    call: int
    output: int = 0


@dataclass(frozen=True, eq=False)
class Call:
    """One call of one operation.

    `address` is the layer's path with `#n` for its n-th call. A layer with a fused activation becomes two calls: a hidden one
    (`inner`) that computes the linear part, and a visible one, of the same address, that applies the activation. `unfit` says why its
    output has no units, "" where it has: one array of real numbers for each image. `depth`: how many convolutions and dense layers the
    longest way to its output passes. `origin`: in a graph made of another one, such as a cone, the call of that one that it stands for; a
    call that was only put in has no `layer_type`. `silent`: channels of the output that are 0, whatever comes in (see `lesions`).
    """

    index: int
    address: str
    operation: Callable[..., Any]
    kind: Kind
    arguments: tuple[tuple[Any, ...], dict[str, Any]]
    layer_type: str
    shape: tuple[int | None, ...]
    inner: bool = False
    unfit: str = ""
    depth: int = 0
    origin: "Call | None" = None
    silent: tuple[int, ...] = ()

    @cached_property
    def sources(self) -> tuple[Ref, ...]:
        """The calls whose outputs this one takes, in the order of its arguments."""
        return refs_in(self.arguments)

    def __call__(self, *tensors: Any) -> Any:
        """Apply the operation to the values of `sources`; return its output, a flat list where it has several."""
        args, kwargs = filled(self.arguments, iter(tensors))
        return self.quieted(listed(self.operation(*args, **kwargs)))

    def quieted(self, value: Any) -> Any:
        """Return an output, or a signal that comes down to it, with 0 in the channels that are silent."""
        if not self.silent:
            return value
        mute = np.isin(np.arange(int(value.shape[-1])), self.silent)
        return ops.where(ops.convert_to_tensor(mute), ops.zeros_like(value), value)

    def inferred(self, *tensors: Any) -> Any:
        """Return the operation's symbolic output for symbolic inputs, by Keras' own shape inference; nothing is computed."""
        if not hasattr(self.operation, "compute_output_spec"):
            return tensors[0]
        args, kwargs = filled(self.arguments, iter(tensors))
        return listed(self.operation.compute_output_spec(*args, **kwargs))


@dataclass(frozen=True, eq=False)
class Graph:
    """A network as calls in an order in which they can run; `inputs` are the indices of its input calls.

    `image_input` is the one that takes images. `fixed` holds the values of the others, without a batch. `mixing` holds the error for each
    call that mixes the images of a batch (see `batches`). `inferred` remembers the symbolic outputs of calls by the size of the image,
    `known` what other modules found out about calls, once: by a word of theirs and the call's index.
    """

    name: str
    calls: tuple[Call, ...]
    inputs: tuple[int, ...]
    outputs: tuple[Ref, ...]
    image_input: int
    fixed: Mapping[int, Any] = field(default_factory=dict)
    mixing: Mapping[int, ModelError] = field(default_factory=dict, repr=False)
    inferred: dict[tuple[int, int], dict[int, Any]] = field(default_factory=dict, init=False, repr=False)
    known: dict[tuple[Any, ...], Any] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def visible(self) -> dict[str, Call]:
        """The calls a user can name, by address, in order."""
        return {call.address: call for call in self.calls if not call.inner}

    def find(self, address: str) -> Call:
        """Return the visible call at `address`; a nested layer may be named without its path where that is unambiguous.

        Accents match whether they are composed or not: systems store them differently.
        """
        if address in self.visible:
            return self.visible[address]
        address = unicodedata.normalize("NFC", address)
        tails = [call for name, call in self.visible.items() if address in (name.rsplit("/", 1)[-1], unicodedata.normalize("NFC", name))]
        if len(tails) == 1:
            return tails[0]
        raise self._unknown(address, [call.address for call in tails])

    def _unknown(self, address: str, inside: Sequence[str]) -> UnitError:
        """Return the error for an address that names no call, or several `inside` nested models."""
        layer, colon, _ = address.partition(":")
        if inside:
            return UnitError(f"`{address}` in `{self.name}` means {len(inside)} layers. Write one of {', '.join(inside[:4])}.")
        if colon and layer in self.visible:
            return UnitError(f"`{address}` names units of a layer. Expected the layer alone: `{layer}`.")
        close = closest("its layers", layer, self.visible)
        return UnitError(f"No layer `{address}` in `{self.name}` ({len(self.visible)} layers). {close} List them with: {listing()}")

    def preactivation(self, call: Call) -> Call:
        """Return the call whose value an activation is applied to; `call` itself if it is not an activation."""
        while call.kind in ACTIVATIONS and len(call.sources) == 1:
            call = self.calls[call.sources[0].call]
        return call

    def score(self, call: Call) -> Call:
        """Return the call that holds the scores before a softmax, which mixes channels; `call` itself elsewhere.

        Of a sigmoid and others that are flat, `saturation.ranking` tells what comes before.
        """
        while call.kind is Kind.SOFTMAX and len(call.sources) == 1:
            call = self.calls[call.sources[0].call]
        return call

    def ancestors(self, targets: Sequence[int]) -> list[Call]:
        """Return the calls that `targets` depend on, themselves included, in running order: the computation cut there."""
        needed = set(targets)
        for call in reversed(self.calls):
            if call.index in needed:
                needed.update(source.call for source in call.sources)
        return [call for call in self.calls if call.index in needed]

    def steps(self, targets: Sequence[int]) -> list[Call]:
        """Return `ancestors` without the inputs: the calls that run. Raises ModelError for an input that has no value."""
        needed = self.ancestors(targets)
        given = {self.image_input, *self.fixed}
        other = next((call for call in needed if call.kind is Kind.INPUT and call.index not in given), None)
        if other is not None:
            shape = ",".join("?" if side is None else str(side) for side in other.shape[1:])
            value = option("input", f"{other.address}=0", f'inputs={{"{other.address}": 0}}')
            raise ModelError(
                f"`{self.name}` has a second input, `{other.address}` ({shape}). Images go to `{self.calls[self.image_input].address}`. "
                f"Set its value: {value}, or a list of numbers, or an .npy file."
            )
        return [call for call in needed if call.kind is not Kind.INPUT]

    def steps_for(self, image: Any, targets: Sequence[int]) -> list[Call]:
        """Return `steps` for one batch. Raises ModelError also for a call that would mix its images."""
        steps = self.steps(targets)
        if self.mixing and image.shape[0] != 1 and (mixed := [self.mixing[call.index] for call in steps if call.index in self.mixing]):
            raise mixed[0]
        return steps

    def holds_classes(self, call: Call) -> bool:
        """Say whether a call's channels are the network's classes: its output, or what reaches it without another weight in between."""
        return call.index in self._of_classes

    @cached_property
    def _of_classes(self) -> frozenset[int]:
        found: set[int] = set()
        waiting = [output.call for output in self.outputs]
        while waiting:
            call = self.calls[waiting.pop()]
            found.add(call.index)
            if call.kind not in LINEAR and len(call.sources) == 1:
                before = self.calls[call.sources[0].call]
                waiting += [before.index] if before.shape[-1:] == call.shape[-1:] else []
        return frozenset(found)

    @cached_property
    def rivals(self) -> frozenset[int]:
        """The indices of the calls whose channels are scores of rival classes: what a softmax over channels takes, and linear outputs.

        A constant added to all of these scores changes nothing.
        """
        last = [self.calls[output.call] for output in self.outputs]
        linear = {call.index for call in last if call.kind in LINEAR and len(call.shape) == 2}
        softmaxes = [
            call for call in self.calls if call.kind is Kind.SOFTMAX and getattr(call.operation, "axis", -1) in (-1, len(call.shape) - 1)
        ]
        before = linear | {self.score(call).index for call in softmaxes}
        return frozenset(index for index in before if (self.calls[index].shape[-1] or 0) > 1)

    @cached_property
    def downstream(self) -> frozenset[int]:
        """The indices of the calls that depend on the picture."""
        found = {self.image_input}
        for call in self.calls:
            if any(source.call in found for source in call.sources):
                found.add(call.index)
        return frozenset(found)

    def fed(self, image: Any) -> dict[int, Any]:
        """Return the values of the input calls for one batch `image`; fixed ones are repeated over it."""
        count = ops.shape(image)[0]  # a number, also where a compiled function takes batches of any size
        return {self.image_input: image} | {
            index: ops.repeat(ops.convert_to_tensor(value)[None], count, axis=0) for index, value in self.fixed.items()
        }

    def run(self, image: Any, targets: Sequence[int]) -> list[Any]:
        """Return the values of the calls `targets` for one batch `image` (n, height, width, channels), preprocessed.

        Raises UnitError for what has no units, ModelError or ExhaustedError that names the call that cannot be computed.
        """
        return [fitting(self.calls[target], value, image) for target, value in zip(targets, self.values(image, targets), strict=True)]

    def values(self, image: Any, targets: Sequence[int]) -> list[Any]:
        """As `run`, whatever the calls compute: a list where it is several outputs."""
        values = self.fed(image)
        steps = self.steps_for(image, targets)
        # A value is let go after its last use, so that memory holds a few layers and not the network.
        last_use = {source.call: call.index for call in steps for source in call.sources}
        for call in steps:
            inputs = [picked(values[source.call], source) for source in call.sources]
            with naming(call, inputs):
                values[call.index] = call(*inputs)
            for done in {source.call for source in call.sources}:
                if last_use[done] == call.index and done not in targets:
                    del values[done]
        return [values[target] for target in targets]

    def behind(self, call: Call, target: Call) -> tuple[list[int], list[int]]:
        """Return the indices of the calls after `call` on the way to `target`, and of those that they take from elsewhere, `call` first."""
        after = {call.index}
        for one in self.calls:
            if any(source.call in after for source in one.sources):
                after.add(one.index)
        steps = [one.index for one in self.steps([target.index]) if one.index in after - {call.index}]
        taken = [source.call for index in steps for source in self.calls[index].sources if source.call not in steps]
        return steps, list(dict.fromkeys([call.index, *taken]))

    def onward(self, known: Mapping[int, Any], steps: Sequence[int]) -> Any:
        """Return the value of the last of these calls, in running order, where the calls before them have the values `known`."""
        values = dict(known)
        for index in steps:
            call = self.calls[index]
            inputs = [picked(values[source.call], source) for source in call.sources]
            with naming(call, inputs):
                values[index] = call(*inputs)
        return values[steps[-1]]


@contextmanager
def naming(call: Call, inputs: Sequence[Any], doing: str = "computed") -> Iterator[None]:
    """Turn what a framework raises inside into a ModelError, or ExhaustedError, that names the call and the shapes of its inputs."""
    try:
        yield
    except Exception as error:
        shapes = ", ".join(_shown(getattr(value, "shape", ())) for value in inputs)
        raise failure(error, f"`{call.address}` ({call.layer_type}) cannot be {doing} for {shapes or 'no input'}") from error


def fitting(call: Call, value: Any, image: Any) -> Any:
    """Return what a call computed if it is one array of real numbers for each image, as the network said; raise UnitError if not."""
    several = value if isinstance(value, list) else [value]
    count, shapes = image.shape[0], [tuple(getattr(one, "shape", ())) for one in several]
    words = misfit(shapes, [_dtype(one) for one in several], count)
    if not words and (len(shapes[0]) != len(call.shape) or shapes[0][-1:] != tuple(side or shapes[0][-1] for side in call.shape[-1:])):
        words = f"computes {_shown(shapes[0])} but the network's own description says {_shown(call.shape)}"
    if not words and 0 in shapes[0]:
        words = f"computes {_shown(shapes[0])}: nothing of the input is left there"
    if words:
        raise no_units(call, words)
    return value


def no_units(call: Call, words: str) -> UnitError:
    """Return the error for a call whose output has no units, for the reason that `words` say."""
    return UnitError(f"`{call.address}` ({call.layer_type}) {words}. `{listing()}` lists the layers that have units.")


def misfit(shapes: Sequence[tuple[Any, ...]], dtypes: Sequence[str], count: int | None) -> str:
    """Return why an operation's outputs are not one array of real numbers for each of `count` images (None: any number), "" if they are."""
    if len(shapes) != 1:
        return (
            f"has {len(shapes)} outputs, {', '.join(map(_shown, shapes[:4]))}{', ...' * (len(shapes) > 4)}, but a unit is "
            f"a channel of one output"
        )
    shape, dtype = shapes[0], dtypes[0]
    if not dtype.startswith(("float", "bfloat", "int", "uint", "bool")):
        return f"computes values of type {dtype}, but convscope draws only real numbers"
    if not shape or (shape[0] != count and None not in (shape[0], count)) or (shape[0] is not None and count is None):
        return f"computes {_shown(shape)} for all images together, not an array for each"
    return ""


def _shown(shape: Any) -> str:
    return f"({', '.join('?' if side is None else str(side) for side in shape)})"


def _dtype(value: Any) -> str:
    return str(keras.backend.standardize_dtype(value.dtype)) if hasattr(value, "dtype") else type(value).__name__


def listed(output: Any) -> Any:
    """Return an operation's single output by itself, several (a tuple, list or dict) as a list in the order of Keras' own history."""
    if not isinstance(output, list | tuple | dict):
        return output
    flat = keras.tree.flatten(output)
    return flat[0] if len(flat) == 1 else flat


def picked(value: Any, source: Ref) -> Any:
    """Return the output of a call that `source` means."""
    return value[source.output] if isinstance(value, list) else value


def refs_in(structure: Any) -> tuple[Ref, ...]:
    """Return the Refs among nested arguments, in order."""
    found: list[Ref] = []
    mapped(structure, lambda leaf: found.append(leaf) if isinstance(leaf, Ref) else None)
    return tuple(found)


def filled(structure: Any, values: Iterator[Any]) -> Any:
    """Return nested arguments with each Ref replaced by the next of `values`."""
    return mapped(structure, lambda leaf: next(values) if isinstance(leaf, Ref) else leaf)


def mapped(structure: Any, function: Callable[[Any], Any]) -> Any:
    """Return nested lists, tuples and dicts with `function` applied to each leaf."""
    if isinstance(structure, list | tuple):
        return type(structure)(mapped(part, function) for part in structure)
    if isinstance(structure, dict):
        return {name: mapped(part, function) for name, part in structure.items()}
    return function(structure)
