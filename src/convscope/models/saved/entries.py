"""What a config says, as data: networks, their layers and the calls between them, in one form for every Keras since 1.0."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ...errors import ModelError

NUMBER_TYPES = (
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "bool",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
)
LONGEST_NAME = 200
MOST_LAYERS = 10_000
CONSTANT = "_CONSTANT_VALUE"  # what TensorFlow 2 wrote in place of a layer's name for a constant first argument
Arguments = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True)
class TensorRef:
    """One output of one call of a layer, named as the file names it."""

    layer: str
    call: int
    output: int


@dataclass(frozen=True)
class Entry:
    """One layer, operation or nested network; `calls` are the arguments of each of its calls, tensors in them as TensorRef.

    `name` is what users see, `stored` what the file calls it.
    """

    class_name: str
    name: str
    stored: str
    config: dict[str, Any]
    module: str | None = None
    registered_name: str | None = None
    calls: tuple[Arguments, ...] = ()
    build_config: dict[str, Any] = field(default_factory=dict)
    network: "NetworkEntry | None" = None


@dataclass(frozen=True)
class NetworkEntry:
    """A functional network (`inputs` and `outputs` are structures of TensorRef) or a chain of layers (`sequential`).

    A file of Keras 1 or 2 counts the creation of a nested network as its first call.
    """

    name: str
    layers: tuple[Entry, ...]
    sequential: bool
    inputs: Any = ()
    outputs: Any = ()
    shape: tuple[int | None, ...] | None = None

    @cached_property
    def by_name(self) -> dict[str, Entry]:
        """The entries by what the file calls them."""
        return {entry.stored: entry for entry in self.layers}


def is_network(class_name: str, config: Any) -> bool:
    """Say whether an entry's config describes a graph of layers, whatever its class is called."""
    return isinstance(config, list) or (isinstance(config, Mapping) and isinstance(config.get("layers"), list) and class_name != "Merge")


def parse_network(data: Mapping[str, Any], known: Iterable[str] = ()) -> Entry:
    """Return the entry of a whole model from its config `{"class_name", "config", ...}`.

    `known`: class names that are the user's own and read their config themselves. Raises ModelError where the text has no such form.
    """
    return _entry(data, set(known), _Names())


class _Names:
    """Gives each layer of one network a name that can be an address, and that every backend takes: of letters, digits, - and _."""

    def __init__(self) -> None:
        self.times: Counter[str] = Counter()

    def safe(self, stored: str) -> str:
        name = re.sub(r"[^A-Za-z0-9_>-]", "_", stored[: 2 * LONGEST_NAME])[:LONGEST_NAME].lstrip("_") or "layer"  # what all backends take
        self.times[name] += 1
        if self.times[name] == 1:
            return name
        number = f"_{self.times[name]}"
        return self.safe(name[: LONGEST_NAME - len(number)] + number)


def _entry(data: Any, known: set[str], names: _Names) -> Entry:
    if not isinstance(data, Mapping) or not isinstance(data.get("class_name"), str):
        raise ModelError(f"The architecture in the file is malformed: expected a layer with a class name, received {shown(data)}.")
    class_name, config = data["class_name"], data.get("config")
    stored = data.get("name") or (config.get("name") if isinstance(config, Mapping) else None) or class_name.lower()
    if not isinstance(stored, str):
        raise ModelError(f"The architecture in the file is malformed: a layer is called {shown(stored)}.")
    name = names.safe(stored)
    functional = isinstance(config, Mapping) and "input_layers" in config
    inner = (
        _network(class_name, name, config, known) if is_network(class_name, config) and (functional or class_name not in known) else None
    )
    return Entry(
        class_name=class_name,
        name=name,
        stored=stored,
        config=dict(config) if isinstance(config, Mapping) else {},
        module=data.get("module"),
        registered_name=data.get("registered_name"),
        calls=_calls(data.get("inbound_nodes") or (), name),
        build_config=dict(data.get("build_config") or {}),
        network=inner,
    )


def _calls(nodes: Any, name: str) -> tuple[Arguments, ...]:
    try:
        return tuple(_call(one) for one in nodes)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ModelError(f"Layer `{name}`: its inputs are malformed in the file.") from error
    except ModelError as error:
        raise ModelError(f"Layer `{name}`: {error}") from error


def _network(class_name: str, name: str, config: Any, known: set[str]) -> NetworkEntry:
    layers = config if isinstance(config, list) else config["layers"]
    if layers and isinstance(layers[0], Mapping) and layers[0].get("class_name") == "Merge":
        return _network("Model", name, _branches(layers), known)
    if len(layers) > MOST_LAYERS:
        raise ModelError(
            f"The network `{name}` has {len(layers):,} layers. Expected at most {MOST_LAYERS:,}. The file is damaged, or made to hang."
        )
    names = _Names()
    entries = tuple(_entry(one, known, names) for one in layers)
    if isinstance(config, list) or "input_layers" not in config:
        shape = None if isinstance(config, list) else config.get("build_input_shape")
        return NetworkEntry(name, entries, True, shape=tuple(shape) if isinstance(shape, list) else None)
    stored = [entry.stored for entry in entries]
    if len(set(stored)) < len(stored):
        twice = next(one for one in stored if stored.count(one) > 1)
        raise ModelError(f"The architecture in the file is malformed: two layers of `{name}` are called {shown(twice)}.")
    return NetworkEntry(name, entries, False, _refs(config["input_layers"]), _refs(config["output_layers"]))


def _branches(layers: list[Any]) -> dict[str, Any]:
    """Return the functional config of a chain that begins by merging chains, which Keras 1 wrote inside the Merge layer."""
    merge, *rest = layers
    branches = merge["config"]["layers"]
    inputs: list[Any] = []
    entries: list[dict[str, Any]] = []
    outputs: list[Any] = []
    for number, branch in enumerate(branches):
        inside = branch["config"] if isinstance(branch["config"], list) else branch["config"]["layers"]
        shape, source, called = inside[0]["config"].get("batch_input_shape"), f"input_{number + 1}", f"branch_{number + 1}"
        entries.append({"class_name": "InputLayer", "name": source, "config": {"batch_input_shape": shape}, "inbound_nodes": []})
        entries.append({**branch, "name": called, "inbound_nodes": [[[source, 0, 0]]]})
        inputs.append([source, 0, 0])
        outputs.append([called, 1, 0])
    for layer in (merge, *rest):
        stored = layer["config"]["name"]
        entries.append({**layer, "name": stored, "inbound_nodes": [outputs]})
        outputs = [[stored, 0, 0]]
    return {"layers": entries, "input_layers": inputs, "output_layers": outputs}


def _refs(data: Any) -> Any:
    """Return a structure of `[name, call, output]` triples as TensorRefs."""
    if _is_triple(data):
        return TensorRef(*data[:3])
    if isinstance(data, list):
        return [_refs(one) for one in data]
    if isinstance(data, Mapping):
        return {key: _refs(one) for key, one in data.items()}
    raise ModelError(f"The architecture in the file is malformed: expected the name of a layer and two numbers, received {shown(data)}.")


def _is_triple(data: Any) -> bool:
    return isinstance(data, list) and len(data) in (3, 4) and isinstance(data[0], str) and all(isinstance(one, int) for one in data[1:3])


def _call(node: Any) -> Arguments:
    """Return the arguments of one call, from the form of Keras 3 (a dictionary) or that of all before it (nested lists)."""
    if isinstance(node, Mapping) and "args" in node:
        return tuple(_value(one) for one in node["args"]), {key: _value(one) for key, one in node.get("kwargs", {}).items()}
    if isinstance(node, Mapping):
        return ({key: _refs(one) for key, one in node.items()},), {}
    if not isinstance(node, list) or not node:
        raise ModelError(f"The architecture in the file is malformed: expected the inputs of a layer, received {shown(node)}.")
    if isinstance(node[0], str):
        return (_legacy_tensor(node),), _legacy_keywords([node])
    tensors = [_legacy_tensor(one) for one in node]
    return (tensors[0] if len(tensors) == 1 else tensors,), _legacy_keywords(node)


def _legacy_tensor(item: Any) -> Any:
    if not isinstance(item, list) or len(item) < 3:
        raise ModelError(f"The architecture in the file is malformed: expected the input of a layer, received {shown(item)}.")
    return _legacy_value(item[2]) if item[0] == CONSTANT else _refs(item)


def _legacy_keywords(items: list[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in items:
        found.update({key: _legacy_value(value) for key, value in (item[3] if len(item) > 3 and item[3] else {}).items()})
    return found


def _legacy_value(value: Any) -> Any:
    if _is_triple(value) and len(value) == 3:
        return _legacy_tensor(value)
    if isinstance(value, list):
        return [_legacy_value(one) for one in value]
    if isinstance(value, Mapping):
        if set(value) == {"start", "stop", "step"}:
            return slice(*(_legacy_value(value[key]) for key in ("start", "stop", "step")))
        return {key: _legacy_value(one) for key, one in value.items()}
    return value


def _value(data: Any) -> Any:
    if isinstance(data, list):
        return [_value(one) for one in data]
    if not isinstance(data, Mapping):
        return data
    class_name, config = data.get("class_name"), data.get("config") or {}
    if class_name == "__keras_tensor__":
        return _refs(config["keras_history"])
    if class_name == "__slice__":
        return slice(*(_value(config[key]) for key in ("start", "stop", "step")))
    if class_name == "__ellipsis__":
        return Ellipsis
    if class_name in ("__numpy__", "__tensor__"):
        return array_of(config)
    if class_name is not None:
        raise ModelError(f"it is called with a {shown(class_name)}. Expected numbers, names and tensors.")
    return {key: _value(one) for key, one in data.items()}


def array_of(config: Mapping[str, Any]) -> Any:
    """Return an array constant, of numbers only; NumPy's names of types are taken from a list, not from the file."""
    values, kind = np.asarray(config["value"]), config.get("dtype", "float32")
    if values.dtype.kind not in "fiub" or kind not in NUMBER_TYPES:
        raise ModelError(f"it is called with an array of {values.dtype} as {shown(kind)}. Expected numbers.")
    return values.astype("float32" if "float" in kind else kind)


def shown(value: Any) -> str:
    """Return a value from a file as text that is safe to print and not long."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
