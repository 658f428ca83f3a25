"""Entries -> a Keras model: each layer made from its checked settings, then called as the file says. Nothing is loaded by name."""

import inspect
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any

from ...backend import keras, ops
from ...errors import ConvscopeError, ModelError, first_sentence
from ..tracing import deep, operation_of
from . import upsampling
from .budget import Budget
from .entries import Entry, NetworkEntry, parse_network, shown
from .functions import activation_named, lambda_layer, note_of, old_words, scope
from .graph_operators import graph_operator_of
from .operators import CLASSES as OPERATOR_CLASSES
from .operators import HALVES, broadcast, operator_of, reshaped, sliced
from .own import OF_EVERY_LAYER, name_alike, said_again
from .policies import rounding_note, whole_type
from .repair import repaired
from .shapes import Shape, fixed_batches, is_first, shape_in, tells_shape, told_shape, without_batch
from .trust import Custom, class_of, layer_classes, operation_classes
from .wiring import Wires, references

GRAPH_OPERATOR = "TensorFlowOpLayer"
MANY_LAYERS = 100
WITH_A_BATCH = {"Reshape": reshaped, "BroadcastTo": broadcast}
Made = Callable[..., Any]


@dataclass
class ModelBuilder:
    """Makes one model; `writer` is the Keras version (1, 2, 3) whose words the file uses, `notes` collects what was repaired.

    `release` and `engine`: that version in full, and what it ran on. `first`: layers that do not say their data format compute channels
    first.
    """

    writer: int
    budget: Budget
    custom: Custom
    unsafe: bool = False
    release: str = ""
    engine: str | None = None
    input_shape: Shape | None = None
    guessed_channels: int | None = None
    first: bool = False
    depth: int = 0
    batches: frozenset[int] = frozenset()
    notes: list[str] = field(default_factory=list)

    def model(self, entry: Entry) -> Any:
        """Return the model that `entry` describes; raise ModelError that names the layer at fault."""
        self.first = self.writer == 1 and is_first(entry)
        self.batches = frozenset(fixed_batches(entry))
        with self.budget.guarding(), scope(self.custom), deep():
            return self._network(entry.network, nested=False) if entry.network is not None else self._whole(entry)

    def _whole(self, entry: Entry) -> Any:
        kind: Any = class_of(entry, self.custom)
        if not inspect.isclass(kind) or not issubclass(kind, keras.Layer):
            raise ModelError(f"The file holds a {shown(entry.class_name)}, not a model.")
        model = self._own(entry, kind)
        if not model.built:
            self._build_own(model, entry)
        return model

    def _build_own(self, model: Any, entry: Entry) -> None:
        shape = (None, *self.input_shape) if self.input_shape else shape_in(entry.build_config)
        if shape is None:
            raise ModelError(f"The model `{entry.name}` does not say its input shape. Add --input-shape 224,224,3")
        model(keras.KerasTensor(shape, dtype="float32"))

    def _network(self, network: NetworkEntry, *, nested: bool) -> Any:
        self.depth += 1
        try:
            return self._connected(network, nested)
        finally:
            self.depth -= 1

    def _connected(self, network: NetworkEntry, nested: bool) -> Any:
        made = {entry.name: self._made(entry) for entry in network.layers}
        if network.sequential:
            return self._sequential(network, made, nested)
        wires = self._wired(network, made)
        inputs, targets = wires.final(network.inputs), wires.final(network.outputs)
        if not nested:
            row = keras.tree.flatten(inputs)  # as they are given here, whatever names a dictionary had for them
            inputs = row[0] if len(row) == 1 else row
        return keras.Model(inputs, targets, name=network.name)

    def _sequential(self, network: NetworkEntry, made: dict[str, Made], nested: bool) -> Any:
        layers = [made[entry.name] for entry in network.layers]
        model = keras.Sequential(name=network.name)
        first = network.layers[0] if network.layers else None
        if first is None or first.class_name != "InputLayer":
            shape = (None if nested else self.input_shape) or told_shape(first) or without_batch(network.shape)
            if shape is None and not nested and self.guessed_channels and not tells_shape(first):
                shape = (None, None, self.guessed_channels)
            if shape is not None:
                model.add(keras.Input(shape))
        many = len(layers) > MANY_LAYERS  # Keras makes the whole chain again at each
        for number, (layer, entry) in enumerate(zip(layers, network.layers, strict=True), 1):
            self._guarded(entry, partial(model.add, layer, rebuild=not many or number == len(layers)))
        if model.built:
            self.budget.check_output(model.outputs)
        return model

    def _made(self, entry: Entry) -> Made:
        """Return what an entry's calls call: a layer, a model, an operation or a function of keras.ops."""
        if entry.network is not None:
            return self._network(entry.network, nested=True)
        if entry.class_name in OPERATOR_CLASSES:
            called = _named(operator_of(entry, self.batches), entry.name)
            called.operation = entry.config.get("function")  # type: ignore[attr-defined]
            return called
        if entry.class_name == GRAPH_OPERATOR:
            called = _named(graph_operator_of(entry, self.batches), entry.name)
            called.operation = entry.config["node_def"]["op"]  # type: ignore[attr-defined]
            return called
        if _is_operation(entry):
            config = {key: value for key, value in entry.config.items() if key not in ("name", "trainable")}
            return self._operation(replace(entry, config=config, module=entry.module or "keras.ops"))
        if (scale := _scale_of_inception(entry)) is not None:
            return _named(lambda pair: ops.add(pair[0], ops.multiply(pair[1], scale)), entry.name)
        if (own := self.custom.find(entry.class_name, entry.registered_name)) is not None:
            return self._own(entry, own)
        class_name, config = repaired(entry, self.writer)
        if (note := rounding_note(entry.config)) is not None and note not in self.notes:
            self.notes.append(note)
        if class_name == "InputLayer":
            return self._input(config)
        return self._layer(Entry(class_name, entry.name, entry.stored, config, entry.module, entry.registered_name))

    def _input(self, config: Mapping[str, Any]) -> Made:
        shape = self._checked_shape(config["batch_shape"], config["name"])
        if self.input_shape and self.depth == 1 and len(shape) == len(self.input_shape) + 1:
            shape = (None, *self.input_shape)
        if shape[0] is not None:
            self.notes.append(f"the fixed batch size {shape[0]} of `{config['name']}` was removed")
        kind = config.get("input_type")
        dtype = kind if len(shape) != 4 and isinstance(kind, str) and kind.startswith(("int", "uint", "bool")) else "float32"
        return keras.layers.InputLayer(batch_shape=(None, *shape[1:]), dtype=dtype, name=config["name"])

    def _checked_shape(self, shape: Any, name: str) -> Shape:
        if not isinstance(shape, list | tuple) or not all(one is None or (isinstance(one, int) and one > 0) for one in shape):
            raise ModelError(f"The input `{name}` has the shape {shown(shape)}. Expected numbers above 0, or null where it is free.")
        self.budget.layer = name
        self.budget.check_output(keras.KerasTensor((None, *shape[1:]), dtype="float32"))
        return tuple(shape)

    def _layer(self, entry: Entry) -> Any:
        if entry.class_name == "Lambda":
            lambdas: Any = layer_classes()["Lambda"]
            return self._guarded(entry, lambda: lambda_layer(lambdas, entry, self.custom, writer=self.writer, unsafe=self.unsafe))
        kind: Any = (
            upsampling.corner_class() if upsampling.samples_corners(entry, self.release, self.engine) else class_of(entry, self.custom)
        )
        settings = {key: self._setting(key, value, entry) for key, value in entry.config.items()}
        if (note := upsampling.note_of(entry, self.release)) is not None:
            self.notes.append(note)
        unknown = [key for key in settings if key not in parameters(kind)]
        for key in unknown:
            if (value := settings.pop(key)) not in (None, False, [], {}) and not entry.class_name.startswith("Random"):
                self.notes.append(f"`{entry.name}`: the setting {shown(key)} = {shown(value)} is unknown to {entry.class_name} and ignored")
        if "data_format" in parameters(kind) and settings.get("data_format") is None:
            # Some layers of Keras 1 did not write it; a setting of this computer's Keras is not meant.
            settings["data_format"] = "channels_first" if self.first and entry.class_name != "Flatten" else "channels_last"
        return self._guarded(entry, lambda: kind(**settings))

    def _operation(self, entry: Entry) -> Made:
        if any(isinstance(value, Mapping) for value in entry.config.values()):
            raise ModelError(f"`{entry.name}` is refused: an operation is set up with an object. Expected numbers and names.")
        kind: Any = class_of(entry, self.custom)
        if entry.class_name == "GetItem":
            return _named(sliced, entry.name)
        settings = {key: _tuples(value) for key, value in entry.config.items()}
        if entry.class_name in WITH_A_BATCH and self.batches:
            shape = settings.get("newshape", settings.get("shape"))
            return _named(lambda tensor: WITH_A_BATCH[entry.class_name](tensor, shape, self.batches), entry.name)
        if settings.get("dtype") in HALVES:
            settings["dtype"] = "float32"
        return self._guarded(entry, lambda: kind(**settings, name=entry.name))

    def _setting(self, key: str, value: Any, entry: Entry) -> Any:
        if isinstance(value, list) and any(isinstance(one, Mapping) and "class_name" in one for one in value):
            return [self._setting(f"{key}_{number}", one, entry) for number, one in enumerate(value)]
        if isinstance(value, Mapping) and value.get("class_name") == "function":
            value = value.get("config")
        if isinstance(value, Mapping) and "class_name" in value:
            return self._inner(value, f"{entry.name}_{key}")
        if key.endswith("activation") and value is not None:
            if (note := note_of(value, entry, self.custom, self.writer)) is not None:
                self.notes.append(note)
            return activation_named(value, entry, self.custom, self.writer)
        return value

    def _inner(self, value: Mapping[str, Any], name: str) -> Made:
        """Return the layer or network that stands in another's config."""
        return self._made(parse_network({**value, "name": name, "inbound_nodes": []}, self.custom.class_names()))

    def _own(self, entry: Entry, kind: Any) -> Any:
        """Return an instance of the user's class, which reads its config itself once all in it has been made and written down here."""
        if not issubclass(kind, keras.Operation) or not callable(getattr(kind, "from_config", None)):
            raise ModelError(
                f"`{entry.name}`: the class {shown(kind.__name__)} of --custom is not a layer. Expected a subclass of keras.Layer."
            )
        inner: list[Any] = []
        config = {key: self._again(key, value, entry, inner) for key, value in entry.config.items() if key not in OF_EVERY_LAYER}
        if "name" in config:
            config["name"] = entry.name
        if (whole := whole_type(entry.config, self.writer)) is not None:
            config["dtype"] = whole
        made: Any = self._guarded(entry, lambda: self._read_by(kind.from_config, config))
        made.name = entry.name
        for network in inner:
            name_alike(made, network)
        if entry.build_config and isinstance(made, keras.Layer) and not made.built:
            self._guarded(entry, lambda: self._read_by(made.build_from_config, self._again("", entry.build_config, entry, [])))
        return made

    def _read_by(self, code: Callable[[Any], Any], config: Any) -> Any:
        with old_words(self.writer, self.custom):
            return code(config)

    def _again(self, key: str, value: Any, entry: Entry, networks: list[Any]) -> Any:
        """Return a part of a user's config in today's words; what is made for it goes into `networks`."""

        def make(inner: Mapping[str, Any]) -> Any:
            config = inner.get("config")
            told = inner.get("name") or (config.get("name") if isinstance(config, Mapping) else None)
            claimed = self.budget.claimed  # the user's code makes it once more, and then it counts
            self.depth += 1
            try:
                made = self._inner(inner, told if isinstance(told, str) else f"{entry.name}_{key}")
                networks.append(made)
                return made
            finally:
                self.depth, self.budget.claimed = self.depth - 1, claimed

        return said_again(value, entry, self.custom, self.writer, make)

    def _wired(self, network: NetworkEntry, made: dict[str, Any]) -> Wires:
        """Call everything in an order in which its inputs are there, the calls of one layer in the file's order; return the outputs."""
        wires = Wires(network, self.writer)
        for entry in network.layers:
            if isinstance(made[entry.name], keras.layers.InputLayer):
                wires.add(entry.stored, [made[entry.name].output])
        left = {entry.stored: deque(entry.calls) for entry in network.layers}
        ready = deque(network.layers)
        parked: dict[tuple[str, int], list[Entry]] = {}  # by the call whose outputs they wait for
        while ready:
            entry = ready.popleft()
            calls = left[entry.stored]
            while calls:
                if (missing := wires.missing(calls[0])) is not None:
                    parked.setdefault(missing, []).append(entry)
                    break
                done = wires.add(entry.stored, self._called(entry, made[entry.name], calls.popleft(), wires))
                ready.extend(parked.pop(done, ()))
        if stuck := next((entry for entry in network.layers if left[entry.stored]), None):
            raise ModelError(f"The layers of `{network.name}` cannot be connected: `{stuck.name}` waits for an input that no layer makes.")
        return wires

    def _called(self, entry: Entry, made: Made, call: Any, wires: Wires) -> list[Any]:
        if not references(call):
            raise ModelError(f"`{entry.name}` is refused: it takes no tensor of the network.")
        args, kwargs = wires.filled(call)
        if isinstance(made, keras.Model) and isinstance(args[0], list) and len(args[0]) == 1:
            args = (args[0][0],)
        if self.writer < 3 and isinstance(made, keras.layers.RNN | keras.layers.Bidirectional) and isinstance(args[0], list):
            args, kwargs = (args[0][0],), {"initial_state": args[0][1:], **kwargs}  # the states stood beside the sequence
        kwargs = {key: value for key, value in kwargs.items() if key != "mask" or value is not None}
        self.budget.layer = entry.name
        self._guarded(entry, lambda: _check_operation(made, args, kwargs))
        value = self._guarded(entry, lambda: made(*args, **kwargs))
        if entry.class_name in (*OPERATOR_CLASSES, GRAPH_OPERATOR) and not hasattr(value, "shape") and not isinstance(value, list):
            return [value]  # a shape, or a side of one
        self.budget.check_output(value)
        return keras.tree.flatten(value)

    def _guarded(self, entry: Entry, make: Callable[[], Any]) -> Any:
        self.budget.layer = entry.name
        try:
            return make()
        except ConvscopeError as error:
            if f"`{entry.name}`" in str(error):
                raise
            raise ModelError(f"Layer `{entry.name}`: {error}") from error
        except Exception as error:
            raise ModelError(f"Layer `{entry.name}` ({shown(entry.class_name)}) could not be built: {first_sentence(error)}") from error


# Operations that make a tensor of every slice of their input.
SPLITTING = frozenset("Unstack Split ArraySplit Hsplit Vsplit Dsplit split unstack".split())
MOST_PARTS = 4096
# TensorFlow's operations that also compute sides of shapes; all others take a tensor of the network.
ON_SHAPES = frozenset(
    "__operators__.getitem stack cast math.multiply math.floordiv __operators__.add math.add math.subtract StridedSlice Pack Cast".split()
)


def _check_operation(made: Made, args: Any, kwargs: Any) -> None:
    """Raise ModelError for an operation that would make more tensors than a network can have, or one of any size out of none."""
    operation = getattr(made, "operation", type(made).__name__)
    given = keras.tree.flatten((args, kwargs))
    if hasattr(made, "operation") and operation not in ON_SHAPES and not any(isinstance(one, keras.KerasTensor) for one in given):
        raise ModelError(
            f"The operation {shown(operation)} takes no tensor of the network. The file is damaged, or made to exhaust the memory."
        )
    if operation in SPLITTING:
        parts = [one for one in (*given, *vars(made).values()) if isinstance(one, int)]
        parts += [side or 0 for one in given for side in getattr(one, "shape", ())]
        if max(parts, default=0) > MOST_PARTS:
            raise ModelError(f"An operation would split a tensor into more than {MOST_PARTS} parts. The file is damaged, or made to hang.")


def _named(function: Made, name: str) -> Made:
    """Return `function` such that the operation it adds to the graph bears the file's name for it."""

    def call(*args: Any, **kwargs: Any) -> Any:
        value = function(*args, **kwargs)
        if (operation := operation_of(value)) is not None:
            operation.name = name
        return value

    return call


@cache
def parameters(kind: type) -> frozenset[str]:
    """Return the settings that a layer class takes, those of its bases that it hands on included."""
    found: set[str] = set()
    for one in inspect.getmro(kind):
        if "__init__" in vars(one):
            signature = inspect.signature(one.__init__).parameters.values()  # type: ignore[misc]
            found.update(item.name for item in signature if item.kind in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY))
            if not any(item.kind is item.VAR_KEYWORD for item in signature):
                break
        if one is keras.Layer:
            break
    return frozenset(found - {"self"})


def _tuples(value: Any) -> Any:
    return tuple(_tuples(one) for one in value) if isinstance(value, list) else value


def _scale_of_inception(entry: Entry) -> float | None:
    """Return the scale of an InceptionResNetV2's residual; None for any other layer.

    Keras 2 wrote x + scale * y there as a Lambda. Its name and argument tell it, so nothing of the Lambda has to run.
    """
    scale = entry.config.get("arguments") if entry.class_name == "Lambda" else None
    known = isinstance(scale, dict) and set(scale) == {"scale"} and re.fullmatch(r"block(35|17|8)_\d+", entry.stored)
    return float(scale["scale"]) if known and isinstance(scale["scale"], int | float) else None  # type: ignore[index]


def _is_operation(entry: Entry) -> bool:
    """Say whether an entry is an operation; an HDF5 file does not say where a class is from, but only layers say whether they train."""
    if entry.module is not None:
        return isinstance(entry.module, str) and entry.module.startswith(("keras.src.ops", "keras.ops"))
    return entry.class_name in operation_classes() and entry.class_name not in ("InputLayer",) and "trainable" not in entry.config
