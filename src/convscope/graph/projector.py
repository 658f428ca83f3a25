"""The engine: forward once, recording every call, then a signal down from any unit under a ruleset."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..backend import engine, failure, ops
from ..errors import ConvscopeError, ModelError
from .calls import Call, Graph, Ref, fitting, naming, picked
from .kinds import LINEAR
from .rules import ForwardCall, Rule, Ruleset


class Projector:
    """A batch of images run forward to some calls, ready to project signals from them down to the input.

    Holds the values of every call up to the targets, so keep batches small. One forward pass serves any number of signals. `given`:
    values of other input calls, one for each image. `known`: values of calls that were computed elsewhere; compiled code does not compute
    them again.
    """

    def __init__(
        self,
        graph: Graph,
        image: Any,
        targets: Sequence[Call],
        given: Mapping[int, Any] | None = None,
        known: Mapping[int, Any] | None = None,
    ) -> None:
        self.graph = graph
        self.records: dict[int, ForwardCall] = {}
        self._known = known or {}
        self._values = graph.fed(image) | dict(given or {})
        for call in graph.steps_for(image, [target.index for target in targets]):
            self._forward(call)
        for target in targets:
            fitting(target, self._values[target.index], image)

    def value(self, call: Call) -> Any:
        """Return what `call` computed for the batch."""
        return self._values[call.index]

    def project(self, call: Call, signal: Any, ruleset: Ruleset, to: Call | None = None) -> Any:
        """Return `signal`, given at the output of `call`, projected down to the input: (n, height, width, channels), signed.

        Or down to the output of the call `to`, shaped like its value.
        """
        end = self.graph.image_input if to is None else to.index
        # What has arrived at the outputs of calls, from all that took them: complete when the turn comes, because later calls go first.
        pending: dict[int, dict[int, Any]] = {call.index: {0: signal}}
        for record in reversed(self.records.values()):
            if record.call.index == end:
                break
            if (received := pending.pop(record.call.index, None)) is not None:
                for source, share in self._backward(record, received, ruleset):
                    slots = pending.setdefault(source.call, {})
                    slots[source.output] = slots[source.output] + share if source.output in slots else share
        arrived = pending.get(end)
        return ops.zeros_like(self._values[end]) if arrived is None else arrived[0]

    @classmethod
    def explain(cls, graph: Graph, image: Any, targets: Sequence[Call], error: Exception) -> ConvscopeError:
        """Return the error for what a framework raised while it differentiated `targets`. It names the call that fails, if one does."""
        try:
            projector = cls(graph, image, targets)
            for target in targets:
                projector.project(target, ops.ones_like(projector.value(target)), Ruleset("gradient"))
        except ConvscopeError as named:
            return named
        return failure(error, f"`{targets[0].address}` cannot be differentiated with respect to the image")

    def _forward(self, call: Call) -> None:
        inputs = tuple(picked(self._values[source.call], source) for source in call.sources)
        with naming(call, inputs):
            known = self._known.get(call.index)
            output, pullback = engine().vjp(call, inputs, lasting=call.kind in LINEAR, output=known)
        # A known value takes the place of the computed one, which nothing then reads: a compiled graph leaves that computation out.
        self._values[call.index] = output = output if known is None else known
        self.records[call.index] = ForwardCall(call, inputs, output, pullback)

    def _backward(self, record: ForwardCall, received: dict[int, Any], ruleset: Ruleset) -> list[tuple[Ref, Any]]:
        upstream: Any = received.get(0)
        if isinstance(record.output, list):
            upstream = [received.get(i, ops.zeros_like(one)) for i, one in enumerate(record.output)]
        upstream = record.call.quieted(upstream)  # no rule sends a signal through a unit that is silenced
        rule = ruleset.rule_for(record.call)
        with naming(record.call, record.inputs, "differentiated"):
            shares = record.vjp(upstream) if rule is None else _checked(rule, rule.backward(record, upstream), record)
        return list(zip(record.call.sources, shares, strict=True))


def _checked(rule: Rule, shares: Sequence[Any], record: ForwardCall) -> Sequence[Any]:
    """Return what a rule hands down. Raises ModelError for another shape than the input's, which might pass for it further down."""
    shapes = [tuple(getattr(one, "shape", ())) for one in shares]
    wanted = [tuple(getattr(one, "shape", ())) for one in record.inputs]
    if len(shapes) != len(wanted) or any(not _fits(*pair) for pair in zip(shapes, wanted, strict=True)):
        raise ModelError(
            f"The rule {type(rule).__name__} hands {shapes} down from `{record.call.address}`, whose inputs are {wanted}. Expected "
            "a list of one signal for each input, of its shape."
        )
    return shares


def _fits(shape: tuple[int | None, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(None in pair or pair[0] == pair[1] for pair in zip(shape, wanted, strict=True))
