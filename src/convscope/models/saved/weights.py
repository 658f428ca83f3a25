"""Stored weights -> a built network's variables: by name where names say it, else by order, in the layouts of every Keras.

Three layouts are read: groups of named arrays (HDF5 of all versions), the numbered variables of Keras 3, and those of Keras 2.12 to
2.15, which numbered the same layers differently. Source: the loading code of Keras 1.2, 2.15 and 3.
"""

import re
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...backend import keras
from ...errors import ModelError, first_sentence
from . import hdf5, store
from .entries import Entry

Array = NDArray[Any]
Named = list[tuple[str, hdf5.Array]]
Pairs = list[tuple[Any, hdf5.Array]]
# Other names of the same variable, in older versions.
ALIASES = {
    "W": "kernel",
    "b": "bias",
    "running_mean": "moving_mean",
    "running_std": "moving_variance",
    "depthwise_kernel": "kernel",
    "alphas": "alpha",
}
FLIPPED = ("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose")  # Theano convolved where the others correlate
IGNORED = re.compile(r"(StateVar|seed_generator_state|rng_state|generator_state|(^|/)count(:0)?$)")
CONTAINERS = ("layers", "_layer_checkpoint_dependencies")


def fill_named(network: Any, group: Any, entry: Entry | None, writer: int, backend: str | None) -> list[str]:
    """Fill a network from groups of named arrays, one for each layer; return notes. Raises ModelError that names the layer."""
    stored = {name: _arrays(group[name]) for name in hdf5.names_attribute(group, "layer_names") if name in group}
    stored = {name: arrays for name, arrays in stored.items() if arrays}
    if writer == 1 and not any(name.endswith(":0") for arrays in stored.values() for name, _ in arrays):
        backend = "theano"  # Keras 1 did not say so, but only TensorFlow's variables are called `name:0`
    wanted = _pairing(network, stored, entry)
    for name, layer in wanted.items():
        _fill_layer(layer, stored[name], writer, backend)
    left = [name for name in stored if name not in wanted]
    finish(network)
    notes = [f"the file also holds weights of `{left[0]}`{_more(left)}, which the network has not"] if left else []
    shifted = [layer.name for layer in leaves(network) if _pads_otherwise(layer)] if backend == "theano" else []
    if shifted:
        notes.append(f"Theano padded `{shifted[0]}`{_more(shifted)} on other sides than today's Keras: its maps are not exactly the same")
    return notes


def _pads_otherwise(layer: Any) -> bool:
    """Say whether Theano's padding "same" differs: with a stride, or a window of an even side."""
    if getattr(layer, "padding", None) != "same":
        return False
    windows = (getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", (1,)), getattr(layer, "strides", (1,)))
    window, strides = (one if isinstance(one, tuple | list) else (one,) for one in windows)
    return any(side % 2 == 0 for side in window) or any(step > 1 for step in strides)


def _pairing(network: Any, stored: dict[str, Named], entry: Entry | None) -> dict[str, Any]:
    """Return which layer each group of the file belongs to: by name, by the names of inner layers, or by place."""
    names = {one.name: one.stored for one in entry.network.layers} if entry is not None and entry.network is not None else {}
    layers = [layer for layer in network.layers if _variables(layer)]
    inner = [layer for layer in leaves(network) if _variables(layer)]  # Keras 1 wrote the layers of nested chains side by side
    for candidates in (layers, inner):
        wanted = {names.get(layer.name, layer.name): layer for layer in candidates}
        if set(wanted) <= set(stored):
            return wanted
    if len(layers) == len(stored):  # Keras 2.0 did not write the names of nested chains
        return dict(zip(stored, layers, strict=True))
    missing = [name for name in ({names.get(layer.name, layer.name) for layer in layers}) if name not in stored]
    raise ModelError(f"The file holds no weights for the layer `{missing[0]}`{_more(missing)}. It was saved only in part.")


def _more(names: list[str]) -> str:
    return f" and {len(names) - 1} more" if len(names) > 1 else ""


def _arrays(group: Any) -> Named:
    names = hdf5.names_attribute(group, "weight_names")
    return [(name, hdf5.as_array(group[name])) for name in names if name in group and not IGNORED.search(name)]


def _fill_layer(layer: Any, stored: Named, writer: int, backend: str | None) -> None:
    variables = _variables(layer)
    pairs = _by_name(stored, variables) or _by_order(stored, layer, variables, writer)
    if pairs is None:
        raise ModelError(
            f"The weights of layer `{layer.name}` do not fit: the file holds {_shapes(array for _, array in stored)}, "
            f"the layer takes {_shapes(variables)}. The file is damaged, or its architecture is another one."
        )
    owners = (
        {id(variable): one for one in (layer, *leaves(layer)) for variable in one.weights} if writer == 1 or backend == "theano" else {}
    )
    for variable, array in pairs:
        _assign(variable, _converted(array.read(), variable, owners.get(id(variable)), writer, backend), layer.name)


def _variables(layer: Any) -> list[Any]:
    return [variable for variable in layer.weights if not IGNORED.search(variable.path)]


def _by_name(stored: Named, variables: list[Any]) -> Pairs | None:
    found = {_key(name): array for name, array in stored}
    wanted = {_key(variable.path): variable for variable in variables}
    if len(found) < len(stored) or len(wanted) < len(variables) or set(found) != set(wanted):
        return None
    pairs = [(wanted[key], array) for key, array in found.items()]
    return pairs if all(tuple(variable.shape) == array.shape for variable, array in pairs) else None


def _by_order(stored: Named, layer: Any, variables: list[Any], writer: int) -> Pairs | None:
    """Return pairs in one of the orders that Kerases wrote: all trainable ones first, or layer by layer; names of the kind must agree."""
    trainable = [variable for variable in variables if variable.trainable]
    rest = [variable for variable in variables if not variable.trainable]
    inside = [variable for one in leaves(layer) for variable in _variables(one)]
    for order in (trainable + rest, inside, variables):
        if len(order) == len(stored) and all(
            _fits(variable, name, array, writer) for variable, (name, array) in zip(order, stored, strict=True)
        ):
            return [(variable, array) for variable, (_, array) in zip(order, stored, strict=True)]
    return None


def _fits(variable: Any, name: str, array: hdf5.Array, writer: int) -> bool:
    kind, told = _kind(variable.path), _kind(name)
    agree = kind == told or told not in KINDS
    same = tuple(variable.shape) == array.shape
    rearranged = writer == 1 and (int(np.prod(variable.shape)) == array.size or told == "alpha")
    return agree and (same or rearranged)


KINDS = frozenset({"kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance", "alpha", "pointwise_kernel"})


def _key(path: str) -> tuple[str, ...]:
    parts = path.split("/")
    return (*parts[:-1][-1:], _kind(path))


def _kind(path: str) -> str:
    last = re.sub(r":\d+$", "", path).rsplit("/", 1)[-1]
    if last not in ALIASES:
        last = next((short for short in ALIASES if last.endswith("_" + short)), last)  # Keras 1: convolution2d_1_W
        last = next((kind for kind in KINDS if last.endswith("_" + kind) and kind not in ("kernel",)), last)
    return ALIASES.get(last, last)


def _converted(array: Array, variable: Any, owner: Any, writer: int, backend: str | None) -> Array:
    """Return a convolution's kernel in today's layout (rows, columns, in, out)."""
    kind, first = type(owner).__name__, getattr(owner, "data_format", None) == "channels_first"
    if array.ndim < 3 or owner is None or not kind.startswith(("Conv", "Separable", "Depthwise")):
        return array
    if writer == 1 and array.ndim == 4:
        if kind == "Conv2DTranspose":
            array = array.transpose((2, 3, 0, 1) if first else (0, 1, 3, 2))
        elif kind == "Conv1D":
            array = array[:, 0]
        elif first:
            array = array.transpose(2, 3, 1, 0)
    elif writer == 1 and first and array.ndim == 5:
        array = array.transpose(2, 3, 4, 1, 0)
    if backend == "theano" and kind in FLIPPED:
        array = np.flip(array, tuple(range(array.ndim - 2)))
    return array


def _assign(variable: Any, array: Array, name: str) -> None:
    if variable.path.endswith("/alpha") and array.shape != tuple(variable.shape):
        array = np.broadcast_to(array, tuple(variable.shape))  # Keras 1 left out of a PReLU's config which axes share a slope
    if tuple(variable.shape) != array.shape:
        raise ModelError(
            f"The weights of layer `{name}` do not fit: the file holds {array.shape}, the layer takes {tuple(variable.shape)}."
        )
    if array.dtype.kind not in "fiub":
        raise ModelError(f"The weights of layer `{name}` are of type {array.dtype}. Expected numbers.")
    variable.assign(np.asarray(array, dtype="float32" if array.dtype.kind == "f" else array.dtype, order="C"))


def fill_numbered(network: Any, file: hdf5.Group, writer: int) -> list[str]:
    """Fill a network from the numbered variables of a `.weights.h5` file; return notes. Raises ModelError."""
    if "_layer_checkpoint_dependencies" in file or (writer == 2 and hasattr(network, "_nodes_by_depth")):
        _fill_tree(network, file, network.name)
    else:
        try:
            store.fill(network, file)
        except Exception as error:
            raise ModelError(f"The weights in the file do not fit the network `{network.name}`: {first_sentence(error)}") from error
    finish(network)
    return []


def _fill_tree(layer: Any, group: Any, name: str) -> None:
    """Fill a layer and those inside it: of the layers of one class, the k-th in the network is the k-th in the file."""
    container = next((group[key] for key in CONTAINERS if key in group and len(group[key])), None)
    inside = list(getattr(layer, "layers", ()))
    if container is None or not inside:
        stored = [(number, hdf5.as_array(item)) for number, item in _numbered(group)]
        if layer.weights:
            _fill_layer(layer, [one for one in stored if not (one[1].ndim == 0 and type(layer).__name__ == "Normalization")], 2, None)
        return
    times: Counter[str] = Counter()
    for one in inside:
        word = snake(type(one).__name__)
        groups = sorted((key for key in container if re.fullmatch(rf"{word}(_\d+)?", key)), key=lambda key: int("0" + key[len(word) + 1 :]))
        place, times[word] = times[word], times[word] + 1
        if place < len(groups):
            _fill_tree(one, container[groups[place]], one.name)
        elif one.weights:
            raise ModelError(f"The file holds no weights for the layer `{one.name}` of `{name}`.")


def _numbered(group: Any) -> list[tuple[str, Any]]:
    """Return the variables in a group and below it, in the order in which they are numbered."""
    found: list[tuple[str, Any]] = []
    variables = group.get("vars")
    if variables is not None:
        found.extend((key, variables[key]) for key in sorted(variables, key=lambda key: int(key) if key.isdigit() else 0))
    for key in group:
        if key != "vars" and hasattr(group[key], "keys"):
            found.extend(_numbered(group[key]))
    return found


def snake(name: str) -> str:
    """Return a class name as Keras writes it in paths: GlobalAveragePooling2D -> global_average_pooling2d."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def leaves(model: Any) -> list[Any]:
    """Return the layers of a model that hold no others, those of nested models included."""
    inside = getattr(model, "layers", None)
    return [one for layer in inside for one in leaves(layer)] if inside else [model]


def finish(network: Any) -> None:
    """Tell the layers that compute constants from their weights that these have come."""
    for layer in network._flatten_layers():
        if isinstance(layer, keras.layers.Normalization) and layer.built:
            layer.finalize_state()


def _shapes(arrays: Any) -> str:
    shapes = [str(tuple(array.shape)) for array in arrays]
    return ", ".join(shapes[:6]) + (f" and {len(shapes) - 6} more" if len(shapes) > 6 else "") or "nothing"
