"""Which classes and functions a file may name: Keras' own layers, operations and activations, and what the user named.

Nothing here imports what a file asks for: names are looked up in tables made from Keras, the file's `module` entries only decide
whether a name is Keras' own. What trains a network (initialisers, regularisers, constraints, losses, optimisers) is not even read.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from ...backend import keras
from ...errors import ModelError, closest
from .entries import Entry, shown

CODE = "stores Python code in the file"
REFUSED = {
    "TFSMLayer": "runs a program from another file",
    "TorchModuleWrapper": "unpickles Python objects from the file",
    "JaxLayer": CODE,
    "FlaxLayer": CODE,
    "FeatureSpace": "is not a network",
    **dict.fromkeys(
        ("StringLookup", "IntegerLookup", "TextVectorization", "Hashing", "HashedCrossing"),
        "looks words up, which networks on images do not do",
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


class Custom:
    """The classes and functions that the user named with `--custom`, by every name that a file may have for them.

    A file can have the classes made, and a function applied to one tensor: as an activation, or as what a Lambda names. `whole`: those
    that the user did not name one by one, but with the file or module that holds them.
    """

    def __init__(self, objects: Mapping[str, Any], whole: Iterable[str] = ()) -> None:
        self.objects = {**{getattr(item, "__name__", name): item for name, item in objects.items()}, **objects}
        self.whole = frozenset(whole)
        self._named = list(objects)

    def find(self, *names: Any) -> Any:
        """Return the first class that has one of these names, "package>name" included; None if there is none."""
        return self._first(names, inspect.isclass)

    def function(self, name: Any) -> Any:
        """Return the function of that name; None if there is none."""
        return self._first((name,), lambda item: callable(item) and not inspect.isclass(item))

    def _first(self, names: Iterable[Any], wanted: Callable[[Any], bool]) -> Any:
        plain = [name.rsplit(">", 1)[-1] for name in names if isinstance(name, str)]
        return next((self.objects[name] for name in plain if wanted(self.objects.get(name))), None)

    def named(self, name: Any) -> bool:
        """Say whether the user named this object itself."""
        return name in self.objects and name not in self.whole

    def names(self) -> list[str]:
        """Return the names."""
        return self._named

    def class_names(self) -> list[str]:
        """Return the names of classes."""
        return [name for name, item in self.objects.items() if inspect.isclass(item)]


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


def class_of(entry: Entry, custom: Custom) -> type:
    """Return the class of an entry; raise ModelError that names the layer for one that is refused or not known."""
    if (own := custom.find(entry.class_name, entry.registered_name)) is not None:
        return own
    if entry.class_name in REFUSED:
        raise ModelError(
            f"Layer `{entry.name}` is refused: a {entry.class_name} {REFUSED[entry.class_name]}, and a model file is untrusted input. "
            "Save the network with Keras layers in its place."
        )
    if not is_keras(entry):
        raise unknown(entry)
    if (entry.module or "").startswith("keras.src.ops") or (entry.module or "").startswith("keras.ops"):
        if entry.class_name not in operation_classes():
            raise ModelError(
                f"`{entry.name}` is refused: `{shown(entry.class_name)}` is not an operation that a network may have in a file."
            )
        return operation_classes()[entry.class_name]
    if entry.class_name not in layer_classes():
        raise unknown(entry)
    for key in READS_FILES:
        if isinstance(entry.config.get(key), str):
            raise ModelError(
                f"Layer `{entry.name}` is refused: its `{key}` would read {shown(entry.config[key])}, and a model file is untrusted input. "
                "Save the network without it."
            )
    return layer_classes()[entry.class_name]


def is_keras(entry: Entry) -> bool:
    """Say whether the file means a class of Keras' own."""
    module, registered = entry.module, entry.registered_name
    if isinstance(registered, str) and ">" in registered and not registered.lower().startswith("keras>"):
        return False
    return module is None or (isinstance(module, str) and module.split(".", 1)[0] in KERAS_PACKAGES)


def unknown(entry: Entry) -> ModelError:
    """Return the error for a class that neither Keras nor the user has."""
    name = entry.class_name if is_keras(entry) else entry.registered_name or f"{entry.module}.{entry.class_name}"
    return ModelError(
        f"Layer `{entry.name}` is of the class {shown(name)}, which Keras {keras.__version__} does not have. "
        f"{closest('its classes', entry.class_name[:80], layer_classes(), 3)} "
        f"If it is yours, name its code: --custom file.py or --custom package.module:{word(entry.class_name)} "
        "(convscope session takes it too)."
    )


def word(name: Any) -> str:
    """Return a name as a user can type it, or "ClassName" for what is not a name."""
    return name if isinstance(name, str) and name.isidentifier() and len(name) < 80 else "ClassName"
