"""Operations through which no gradient comes: rounding, signs, comparisons, whole numbers, a gradient that was stopped.

Behind them a gradient is zero however strong a unit is. They are found by numbers: an operation is differentiated at random values. It has
no gradient if that is zero although its output is not constant.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..backend import engine, keras, ops
from ..errors import UnitError
from ..graph.calls import Call, Graph, picked
from ..graph.kinds import Kind
from ..graph.rules import Ruleset
from ..graph.tensors import to_array
from ..hints import command
from ..legible import legible
from ..locality.shapes import shapes_up_to

SCALES = (1.0, 100.0)  # of the values that are tried: near zero, and as large as pixels
MOST_NAMED = 3
# What only moves or sums numbers: it need not be tried.
MOVING = frozenset(
    "Flatten Reshape Permute Transpose GetItem Pad ZeroPad2D Squeeze ExpandDims Stack Concatenate Split Moveaxis Swapaxes Flip Roll Tile "
    "Repeat RepeatVector Mean Sum Matmul Einsum Resizing CenterCrop Divide TrueDivide Power Sqrt Rsqrt Square Negative GroupNormalization "
    "RMSNormalization MultiHeadAttention LSTM GRU SimpleRNN ConvLSTM2D TimeDistributed BroadcastTo Resize".split()
)


@dataclass(frozen=True)
class Slopes:
    """The calls on the way from the picture to a call through which no gradient comes; `closed`: none comes by any other way."""

    cuts: tuple[Call, ...]
    closed: bool

    def named(self) -> str:
        """Return the layers, as a sentence names them."""
        calls = list(dict.fromkeys(f"`{legible(call.address)}` ({legible(call.layer_type)})" for call in self.cuts))
        more = f" and {len(calls) - MOST_NAMED} more layers" if len(calls) > MOST_NAMED else ""
        return ", ".join(calls[:MOST_NAMED]) + more


def slopes(graph: Graph, call: Call, size: tuple[int, int], rules: Ruleset | None = None) -> Slopes:
    """Return what has no gradient on the way to `call` for pictures of `size` (height, width).

    A call has one where a rule sends the signal on that does not need the operation's own.
    """
    open_calls, cuts = {graph.image_input}, []
    shapes_up_to(graph, [call.index], size)
    for one in graph.ancestors([call.index]):
        if not any(source.call in open_calls for source in one.sources):
            continue
        rule = rules.rule_for(one) if rules is not None else None
        if (rule is not None and not rule.sloped) or not _is_cut(graph, one, size):
            open_calls.add(one.index)
        else:
            cuts.append(one)
    return Slopes(tuple(cuts), call.index not in open_calls and call.index in graph.downstream)


def require_slope(graph: Graph, call: Call, size: tuple[int, int], rules: Ruleset | None = None) -> None:
    """Raise UnitError for a call that no gradient of the picture reaches."""
    found = slopes(graph, call, size, rules)
    if found.closed:
        raise UnitError(
            f"`{legible(call.address)}` has no gradient with respect to the image: none passes {found.named()}, whose output "
            f"jumps or is held fixed. Choose a layer before it, or look at the values behind it: "
            f"{command('activations', 'convscope.activations')}."
        )


def slope_notes(graph: Graph, calls: Iterable[Call], size: tuple[int, int], rules: Ruleset | None = None) -> tuple[str, ...]:
    """Return a sentence for each of the layers `calls` whose gradient tells a part of the truth, or nothing.

    A comparison or a sign says where or how other numbers count, such as `where(x > 0, x, 0)`, and takes nothing away from them.
    """
    said = []
    for call in dict.fromkeys(calls):
        found = slopes(graph, call, size, rules)
        told = found if found.closed else Slopes(tuple(one for one in found.cuts if not _is_switch(graph, one, size)), False)
        if told.cuts:
            lost = "projections from there are empty" if told.closed else "this picture leaves out what depends on the image that way"
            said.append(f"No gradient of `{legible(call.address)}` passes {told.named()}: {lost}.")
    return tuple(said)


def _is_switch(graph: Graph, call: Call, size: tuple[int, int]) -> bool:
    return call.layer_type == "Sign" or str(getattr(graph.inferred[size].get(call.index), "dtype", "")) == "bool"


def _is_cut(graph: Graph, call: Call, size: tuple[int, int]) -> bool:
    key = "cut", call.index
    if key not in graph.known:
        graph.known[key] = _tried(graph, call, size)
    return bool(graph.known[key])


def _tried(graph: Graph, call: Call, size: tuple[int, int]) -> bool:
    """Say whether a call has no gradient anywhere, though its output is not constant. What cannot be tried is not said to have none."""
    inferred = graph.inferred[size]
    dtype = str(getattr(inferred[call.index], "dtype", "float32"))
    if not dtype.startswith(("float", "bfloat", "complex")):
        return True
    own = type(call.operation).__module__.startswith("keras.")
    smooth = keras.backend.is_float_dtype(getattr(call.operation, "compute_dtype", None) or "float32")
    if own and smooth and (call.kind is not Kind.OTHER or call.layer_type in MOVING):
        return False
    specs = [picked(inferred[source.call], source) for source in call.sources]
    try:
        return _is_flat(call, specs)
    except Exception:  # it wants other values than any that are made up
        return False


def _is_flat(call: Call, specs: Sequence[Any]) -> bool:
    moved = False
    for scale in SCALES:
        inputs, others = (_made_up(specs, scale, seed) for seed in (0, 1))
        output, pullback = engine().vjp(call, inputs)
        outputs = output if isinstance(output, list) else [output]
        smooth = [one for one in outputs if keras.backend.is_float_dtype(keras.backend.standardize_dtype(one.dtype))]
        if smooth:
            rng = np.random.default_rng(2)
            signals = [ops.convert_to_tensor(rng.normal(size=tuple(one.shape)).astype("float32"), dtype=one.dtype) for one in outputs]
            gradients = [to_array(one) for one in pullback(signals if isinstance(output, list) else signals[0])]
            if any(one.any() for one in gradients):
                return False
        again = call(*others)
        pairs = zip(outputs, again if isinstance(again, list) else [again], strict=True)
        moved = moved or any(not np.array_equal(to_array(one), to_array(other), equal_nan=True) for one, other in pairs)
    return moved


def _made_up(specs: Sequence[Any], scale: float, seed: int) -> list[Any]:
    rng = np.random.default_rng([seed, int(scale)])
    found = []
    for spec in specs:
        shape, dtype = tuple(side or 1 for side in spec.shape), str(spec.dtype)
        smooth = dtype.startswith(("float", "bfloat"))
        values = rng.normal(scale=scale, size=shape) if smooth else rng.integers(0, 2, shape)
        found.append(ops.convert_to_tensor(values.astype("float32" if smooth else "int32"), dtype=dtype))
    return found
