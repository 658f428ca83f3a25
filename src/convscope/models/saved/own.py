"""The config of a user's own class, said again: its code reads it, so everything in it is made and written down here first.

Such a config can hold layers, whole networks and functions. Each is built by the reader of this room, under its rules and in the words
of the version that wrote it, and goes to the user's code as today's Keras writes it.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ...backend import keras
from ...errors import ModelError
from ..tracing import layers_of
from .entries import Entry, array_of, is_network
from .functions import activation_named, today
from .trust import REFUSED, Custom, unknown

Make = Callable[[Mapping[str, Any]], Any]
ROOMS = ("initializers", "regularizers", "constraints")
TRAINING = ROOMS[1:]
# What every layer writes and a network that only computes does without; "dynamic" and "batch_input_shape" are Keras 2's.
OF_EVERY_LAYER = ("trainable", "dtype", "dynamic", "batch_input_shape")
OF_A_NETWORK = frozenset({"name", "trainable", "layers", "input_layers", "output_layers", "dtype", "build_input_shape"})


def said_again(value: Any, entry: Entry, custom: Custom, writer: int, make: Make) -> Any:
    """Return a part of a config in today's words; `make` builds the layer or network of an entry. Raises ModelError that names the layer.

    Plain words stay as they are: the user's code may compare them. What Keras makes of them there, `old_words` settles.
    """

    def inside(one: Any) -> Any:
        return said_again(one, entry, custom, writer, make)

    if isinstance(value, list):
        return [inside(one) for one in value]
    if not isinstance(value, Mapping):
        return value
    class_name, config = value.get("class_name"), value.get("config")
    if class_name is None:
        if set(value) <= OF_A_NETWORK and is_network("Model", value):
            return make({"class_name": "Functional" if "input_layers" in value else "Sequential", "config": value}).get_config()
        return {key: inside(one) for key, one in value.items()}
    if class_name == "function":
        activation_named(config, entry, custom, writer)
        return {"class_name": "function", "config": today(str(config), writer, custom), "module": "builtins", "registered_name": "function"}
    if class_name in ("DTypePolicy", "Policy"):
        return "float32"
    if class_name in ("__tuple__", "TensorShape"):
        return tuple(inside(one) for one in value.get("items") or ())
    if class_name in ("__numpy__", "__tensor__") and isinstance(config, Mapping):
        return {"class_name": "__numpy__", "config": {"value": array_of(config).tolist(), "dtype": str(array_of(config).dtype)}}
    return _object(value, entry, custom, make, inside)


def _object(value: Mapping[str, Any], entry: Entry, custom: Custom, make: Make, inside: Callable[..., Any]) -> Any:
    class_name, config = value.get("class_name"), value.get("config") or {}
    own = custom.find(class_name, value.get("registered_name"))
    if own is None and (room := next((one for one in ROOMS if _has(one, class_name)), None)) is not None:
        kept = inside({key: one for key, one in config.items() if key != "dtype"})
        return None if room in TRAINING else {"class_name": class_name, "config": kept, "module": f"keras.{room}", "registered_name": None}
    if own is not None and not issubclass(own, keras.Operation):
        return {"class_name": own.__name__, "config": inside(config), "module": None, "registered_name": own.__name__}
    if class_name in REFUSED:
        raise ModelError(f"Layer `{entry.name}` is refused: it holds a {class_name}.")
    if not isinstance(class_name, str) or not isinstance(config, Mapping | list):
        raise unknown(Entry(class_name=str(class_name), name=entry.name, stored=entry.stored, config={}))
    found: dict[str, Any] = keras.saving.serialize_keras_object(make(value))
    return found


def _has(room: str, class_name: Any) -> bool:
    return isinstance(class_name, str) and inspect.isclass(getattr(getattr(keras, room), class_name, None))


def name_alike(made: Any, network: Any) -> None:
    """Call the layers of a network that the user's code made again as the file does: a class without a name in its config forgets it."""
    wanted = list(getattr(network, "layers", ()))
    for twin in layers_of(made) if isinstance(made, keras.Layer) else ():
        layers = list(getattr(twin, "layers", ()))
        if twin.name == network.name and [type(one) for one in layers] == [type(one) for one in wanted]:
            for layer, one in zip(layers, wanted, strict=True):
                layer.name = one.name
