"""Which classes and functions a file may name: Keras' own layers, operations and activations, and what the user named.

Nothing here imports what a file asks for: names are looked up in tables made from Keras, the file's `module` entries only decide
whether a name is Keras' own. What trains a network (initialisers, regularisers, constraints, losses, optimisers) is not even read.
"""

import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any

from ...backend import keras
from ...errors import ModelError, near_misses
from .entries import Entry, shown

CODE = "stores Python code in the file"
REFUSED = {
    "Lambda": CODE,
    "TFSMLayer": "runs a program from another file",
    "TorchModuleWrapper": "unpickles Python objects from the file",
    "JaxLayer": CODE,
    "FlaxLayer": CODE,
    "FeatureSpace": "is no network",
    **dict.fromkeys(
        ("StringLookup", "IntegerLookup", "TextVectorization", "Hashing", "HashedCrossing"),
        "looks words up, which no network on images does",
    ),
}
# Settings of layers that would read a file or an address.
READS_FILES = ("vocabulary", "idf_weights", "filepath", "call_endpoint")
OPERATION_ROOMS = ("numpy", "nn", "math", "core", "image", "linalg", "einops")
# Operations that take functions, or make tensors of any size out of none.
REFUSED_OPERATIONS = frozenset(
    "Map Scan AssociativeScan Switch WhileLoop ForiLoop Cond VectorizedMap JVP Function Operation Full Arange Linspace Logspace "
    "Geomspace".split()
)
KERAS_PACKAGES = ("keras", "tf_keras", "tensorflow", "tensorflow.python.keras", "tensorflow.keras")
NESTED = ("layers", "initializers", "regularizers", "constraints")


class Custom:
    """The classes and functions that the user named with `--custom`, by every name that a file may have for them."""

    def __init__(self, objects: Mapping[str, Any]) -> None:
        self.objects = dict(objects)

    def find(self, *names: Any) -> Any:
        """Return the first object that has one of these names, "package>name" included; None if there is none."""
        plain = [name.rsplit(">", 1)[-1] for name in names if isinstance(name, str)]
        return next((self.objects[name] for name in plain if name in self.objects), None)

    def names(self) -> list[str]:
        """Return the names."""
        return list(self.objects)


@cache
def layer_classes() -> dict[str, type]:
    """Return Keras' layer classes by name; those of `keras.applications` are among them."""
    found = {name: item for name, item in vars(keras.layers).items() if inspect.isclass(item) and issubclass(item, keras.layers.Layer)}
    for module in vars(keras.src.applications).values():  # layers of ConvNeXt and InceptionResNetV2 have no public names
        for name, item in vars(module).items() if inspect.ismodule(module) else ():
            if inspect.isclass(item) and issubclass(item, keras.layers.Layer) and item.__module__ == module.__name__:
                found[name] = item
    return found


@cache
def operation_classes() -> dict[str, type]:
    """Return the classes of `keras.ops` by name."""
    found: dict[str, type] = {}
    for room in OPERATION_ROOMS:
        module = getattr(keras.src.ops, room)
        for name, item in vars(module).items():
            if inspect.isclass(item) and issubclass(item, keras.Operation) and item.__module__ == module.__name__:
                found.setdefault(name, item)
    return {name: item for name, item in found.items() if name not in REFUSED_OPERATIONS}


@cache
def activations() -> dict[str, Any]:
    """Return Keras' activation functions by name."""
    functions = {name: item for name, item in vars(keras.activations).items() if inspect.isfunction(item)}
    return {name: item for name, item in functions.items() if name not in ("get", "serialize", "deserialize")}


def class_of(entry: Entry, custom: Custom, *, unsafe: bool = False) -> type:
    """Return the class of an entry; raise ModelError that names the layer for one that is refused or not known."""
    if (own := custom.find(entry.class_name, entry.registered_name)) is not None:
        return own
    if entry.class_name in REFUSED and not (unsafe and entry.class_name == "Lambda"):
        raise ModelError(
            f"Layer `{entry.name}` is refused: a {entry.class_name} {REFUSED[entry.class_name]}, and a model file is untrusted input. "
            + (
                "Rebuild it with Keras layers or keras.ops, or, if you trust whoever made the file, allow its code with --unsafe."
                if entry.class_name == "Lambda"
                else "Save the network with Keras layers in its place."
            )
        )
    if not _is_keras(entry):
        raise _unknown(entry)
    if (entry.module or "").startswith("keras.src.ops") or (entry.module or "").startswith("keras.ops"):
        if entry.class_name not in operation_classes():
            raise ModelError(f"`{entry.name}` is refused: `{shown(entry.class_name)}` is no operation that a network may have in a file.")
        return operation_classes()[entry.class_name]
    if entry.class_name not in layer_classes():
        raise _unknown(entry)
    for key in READS_FILES:
        if isinstance(entry.config.get(key), str):
            raise ModelError(
                f"Layer `{entry.name}` is refused: its `{key}` would read {shown(entry.config[key])}, and a model file is untrusted input. "
                "Save the network without it."
            )
    return layer_classes()[entry.class_name]


def _is_keras(entry: Entry) -> bool:
    module, registered = entry.module, entry.registered_name
    if isinstance(registered, str) and ">" in registered and not registered.lower().startswith("keras>"):
        return False
    return module is None or (isinstance(module, str) and module.split(".", 1)[0] in KERAS_PACKAGES)


def _unknown(entry: Entry) -> ModelError:
    name = entry.class_name if _is_keras(entry) else entry.registered_name or f"{entry.module}.{entry.class_name}"
    near = near_misses(entry.class_name[:80], layer_classes(), 3)
    return ModelError(
        f"Layer `{entry.name}` is of the class {shown(name)}, which is none of Keras {keras.__version__}'s. "
        f"Closest there: {near}. "
        f"If it is yours, name its code: --custom file.py or --custom package.module:{_word(entry.class_name)} "
        "(convscope session takes it too)."
    )


def _word(name: str) -> str:
    return name if name.isidentifier() and len(name) < 80 else "ClassName"


def activation_named(name: Any, entry: Entry, custom: Custom) -> Any:
    """Return the activation function of that name; raise ModelError that names the layer."""
    if (own := custom.find(name)) is not None:
        return own
    if not isinstance(name, str) or name not in activations():
        raise ModelError(
            f"Layer `{entry.name}` has the activation {shown(name)}, which is none of Keras'. "
            "If it is yours, name its code: --custom file.py or --custom package.module:function"
        )
    return activations()[name]


def checked(value: Any, entry: Entry, custom: Custom) -> Any:
    """Return the config of a user's class with every class or function in it looked up here: the user's own code will read it."""
    if isinstance(value, list):
        return [checked(one, entry, custom) for one in value]
    if not isinstance(value, Mapping):
        return value
    class_name = value.get("class_name")
    if class_name is None:
        return {key: checked(one, entry, custom) for key, one in value.items()}
    if class_name == "function":
        activation_named(value.get("config"), entry, custom)
        return {"class_name": "function", "config": value["config"], "module": "builtins", "registered_name": "function"}
    if class_name in ("DTypePolicy", "Policy"):
        return "float32"
    if isinstance(class_name, str) and custom.find(class_name, value.get("registered_name")) is not None:
        home = {"module": None, "registered_name": class_name}
    else:
        home = {"module": f"keras.{_home(class_name, value, entry)}", "registered_name": None}
    return {"class_name": class_name, "config": checked(value.get("config") or {}, entry, custom)} | home


def _home(class_name: Any, value: Mapping[str, Any], entry: Entry) -> str:
    inner = Entry(class_name=str(class_name), name=entry.name, stored=entry.stored, config=dict(value.get("config") or {}))
    if isinstance(class_name, str) and class_name not in REFUSED:
        found = next((room for room in NESTED if inspect.isclass(getattr(getattr(keras, room), class_name, None))), None)
        if found is not None:
            if found == "layers":
                class_of(inner, Custom({}))
            return found
    raise _unknown(inner) if class_name not in REFUSED else ModelError(f"Layer `{entry.name}` is refused: it holds a {class_name}.")
