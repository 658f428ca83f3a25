"""Which function a name in a file means: Keras' activations as the writing version computed them, and what the user named."""

import inspect
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np

from ...backend import keras, ops
from ...errors import ModelError
from .entries import Entry, shown
from .trust import CODE, KERAS_PACKAGES, Custom, word

Function = Callable[..., Any]


def hard_sigmoid_of_keras_2(x: Any) -> Any:
    """Return clip(0.2 x + 0.5, 0, 1), which Keras 1 and 2 called hard_sigmoid."""
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


# Functions of Keras 1 and 2 whose name means another one today. Their own names differ from Keras': Keras writes a function down by its
# name where it makes a layer twice (Bidirectional), and must find this one again.
OLD = {"hard_sigmoid": hard_sigmoid_of_keras_2}
BY_OWN_NAME = {function.__name__: function for function in OLD.values()}
# What TensorFlow calls its own functions.
TENSORFLOW = {"softmax_v2": "softmax", "log_softmax_v2": "log_softmax", "identity": "linear", "swish_impl": "silu"}
# What Keras 2, or TensorFlow for it, called by these names. Any other name of today's was the writer's own function then.
KNOWN_TO_KERAS_2 = frozenset(
    "linear softmax log_softmax elu selu softplus softsign relu relu6 tanh sigmoid hard_sigmoid exponential swish silu gelu mish".split()
)


@cache
def activations() -> dict[str, Function]:
    """Return Keras' activation functions by name."""
    functions = {name: item for name, item in vars(keras.activations).items() if inspect.isfunction(item)}
    return {name: item for name, item in functions.items() if name not in ("get", "serialize", "deserialize")}


def today(name: str, writer: int, custom: Custom) -> str:
    """Return the name by which Keras finds, inside `scope`, the activation that Keras `writer` called `name`."""
    name = TENSORFLOW.get(name, name)
    old = OLD.get(name) if writer < 3 and custom.function(name) is None else None
    return old.__name__ if old is not None else name


def scope(custom: Custom) -> Any:
    """Return a context in which Keras finds by name what the user named, and the old functions."""
    return keras.saving.custom_object_scope({**BY_OWN_NAME, **custom.objects})


class _Words(dict[str, Any]):
    """Keras' table of activations by name, in which one thread finds those of Keras 2."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        super().__init__(table)
        self.thread = threading.get_ident()

    def get(self, name: str, default: Any = None) -> Any:
        return OLD[name] if name in OLD and threading.get_ident() == self.thread else super().get(name, default)


@contextmanager
def old_words(writer: int, custom: Custom) -> Iterator[None]:
    """Let a user's own code find the activations of Keras `writer` by their names, whatever keys it reads them from."""
    module = keras.src.activations
    kept = module.ALL_OBJECTS_DICT
    if writer < 3 and not any(custom.function(name) for name in OLD):
        module.ALL_OBJECTS_DICT = _Words(kept)
    try:
        yield
    finally:
        module.ALL_OBJECTS_DICT = kept


def activation_named(name: Any, entry: Entry, custom: Custom, writer: int = 3) -> Function:
    """Return the activation function of that name; raise ModelError that names the layer."""
    if (own := custom.function(name)) is not None:
        return _of_one_tensor(own, name, entry)
    known = activations() | BY_OWN_NAME
    if not isinstance(name, str) or (found := today(name, writer, custom)) not in known:
        raise ModelError(
            f"Layer `{entry.name}` has the activation {shown(name)}, which Keras does not have. If it is yours, name its "
            f"code: --custom file.py or --custom package.module:function"
        )
    return known[found]


def note_of(name: Any, entry: Entry, custom: Custom, writer: int) -> str | None:
    """Return a sentence where a name can mean two functions: one of today's, where most of Keras 1 and 2 had none of that name."""
    if writer > 2 or not isinstance(name, str) or custom.function(name) is not None or TENSORFLOW.get(name, name) in KNOWN_TO_KERAS_2:
        return None
    if name not in activations():
        return None
    return (
        f"`{entry.name}`: the activation {shown(name)} is read as today's Keras computes it. Most releases of Keras 1 and 2 "
        f"did not have that name. If it was a function of your own, name its code: --custom file.py"
    )


def _of_one_tensor(function: Function, name: Any, entry: Entry) -> Function:
    try:
        inspect.signature(function).bind(None)
    except ValueError:
        pass  # a builtin that does not say what it takes
    except TypeError as error:
        raise ModelError(
            f"Layer `{entry.name}` has the activation {shown(name)}, a function of --custom that does not take one tensor: {error}."
        ) from error
    return function


# What Keras 1 and 2 wrote beside a Lambda's function, and the shape of its output, which Keras 3 finds itself.
BESIDE = ("module", "function_type", "output_shape_type", "output_shape_module", "mask_type", "mask_module")


def lambda_layer(kind: Any, entry: Entry, custom: Custom, *, writer: int, unsafe: bool) -> Any:
    """Return a Lambda: of a function that the file names, or with `unsafe` of the Python code in it; raise ModelError that names it."""
    config = {key: value for key, value in entry.config.items() if key not in BESIDE and value is not None}
    code = [key for key in ("function", "output_shape", "mask") if _is_code(key, entry.config)]
    if code and not unsafe:
        raise ModelError(
            f"Layer `{entry.name}` is refused: a Lambda {CODE}, and a model file is untrusted input. "
            "Rebuild it with Keras layers or keras.ops. If you trust whoever made the file, allow its code with --unsafe."
        )
    shape = config.pop("output_shape", None)
    if isinstance(shape, list) and all(one is None or isinstance(one, int) for one in shape):
        config["output_shape"] = tuple(shape)
    config["arguments"] = {key: _array(value) for key, value in (config.get("arguments") or {}).items()}
    if "function" not in code:
        return kind(**config | {"function": _function_of(entry, custom, writer)})
    if isinstance(config["function"], list):
        config["function"] = {
            "class_name": "__lambda__",
            "config": dict(zip(("code", "defaults", "closure"), config["function"], strict=True)),
        }
    return kind.from_config(config, safe_mode=False)


def _is_code(key: str, config: Mapping[str, Any]) -> bool:
    """Say whether a setting of a Lambda is Python code; Keras 1 and 2 wrote the type of it beside it."""
    value, told = config.get(key), config.get(f"{key}_type")
    named = (isinstance(value, str) and told != "lambda") or (isinstance(value, Mapping) and value.get("class_name") == "function")
    shape = key == "output_shape" and isinstance(value, list) and all(one is None or isinstance(one, int) for one in value)
    return not named and not shape and (value is not None or key == "function")


def _array(value: Any) -> Any:
    return np.asarray(value["value"]) if isinstance(value, Mapping) and value.get("type") == "ndarray" else value


def _function_of(entry: Entry, custom: Custom, writer: int) -> Function:
    """Return the function that a Lambda names: the user's own, or an activation of Keras; only numbers are handed to it from the file."""
    told = entry.config.get("function")
    name, module = (told.get("config"), told.get("module")) if isinstance(told, Mapping) else (told, entry.config.get("module"))
    function = custom.function(name)
    if function is None and isinstance(name, str) and (writer > 2 or str(module).split(".", 1)[0] in KERAS_PACKAGES):
        function = (activations() | BY_OWN_NAME).get(today(name, writer, custom)) if name in KNOWN_TO_KERAS_2 else None
    if function is None:
        home = module if isinstance(module, str) and re.fullmatch(r"[\w.]{1,80}", module) and module != "builtins" else "package.module"
        raise ModelError(
            f"Layer `{entry.name}` is a Lambda of the function {shown(name)}, whose code is not in the file. "
            f"Name it: --custom file.py or --custom {home.replace('.src.', '.')}:{word(name)}"
        )
    for key, value in (entry.config.get("arguments") or {}).items():
        if not _harmless(value, custom.named(name)):
            raise ModelError(
                f"Layer `{entry.name}` is refused: the file would pass {shown(value)} as {shown(key)} to the function {shown(name)}. "
                f"Expected numbers. If you name the function, as in --custom file.py:{word(name)}, text works too."
            )
    return function


def _harmless(value: Any, text_too: bool) -> bool:
    value = _array(value)
    if isinstance(value, list | tuple):
        return all(_harmless(one, text_too) for one in value)
    return value is None or isinstance(value, int | float | np.ndarray) or (text_too and isinstance(value, str))
