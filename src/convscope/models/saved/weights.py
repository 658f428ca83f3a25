"""Stored weights -> a built network's variables: by name where names say it, else by order, in the layouts of every Keras.

Three layouts are read: groups of named arrays (HDF5 of all versions), the numbered variables of Keras 3, and those of Keras 2.12 to
2.15, which numbered the same layers differently. Source: the loading code of Keras 1.0.8, 1.2.2, 2.15 and 3.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...backend import keras
from ...errors import ModelError, first_sentence
from ..tracing import layers_of, word_of
from . import hdf5, store
from .entries import Entry, shown
from .recurrent import Array as Stored
from .recurrent import Named, from_cudnn, joined

Array = NDArray[Any]
Pairs = list[tuple[Any, Stored]]
# Other names of the same variable, in older versions.
ALIASES = {
    "W": "kernel",
    "b": "bias",
    "U": "recurrent_kernel",
    "running_mean": "moving_mean",
    "running_std": "moving_variance",
    "depthwise_kernel": "kernel",
    "alphas": "alpha",
}
FLIPPED = ("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "ConvLSTMCell")  # Theano convolved where the others correlate
IGNORED = re.compile(r"(StateVar|seed_generator_state|rng_state|generator_state|(^|/)count(:0)?$)")
CONTAINERS = ("layers", "_layer_checkpoint_dependencies")


def fill_named(network: Any, group: Any, entry: Entry | None, writer: int, backend: str | None) -> list[str]:
    """Fill a network from groups of named arrays, one for each layer; return notes. Raises ModelError that names the layer."""
    stored = {name: _arrays(group[name]) for name in hdf5.names_attribute(group, "layer_names") if name in group}
    stored = {name: arrays for name, arrays in stored.items() if arrays}
    if writer == 1 and stored and not any(name.endswith(":0") for arrays in stored.values() for name, _ in arrays):
        backend = "theano"  # Keras 1 did not say so, but only TensorFlow's variables are called `name:0`
    wanted = _pairing(network, stored, entry)
    for name, layer in wanted.items():
        _fill_layer(layer, stored[name], writer, backend)
    left = [name for name in stored if name not in wanted]
    finish(network)
    notes = [f"the file also holds weights of `{left[0]}`{_more(left)}, which the network does not have"] if left else []
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
    raise ModelError(f"The file holds no weights for the layer `{missing[0]}`{_more(missing)}. The file is incomplete.")


def _more(names: list[str]) -> str:
    return f" and {len(names) - 1} more" if len(names) > 1 else ""


def _arrays(group: Any) -> Named:
    names = hdf5.names_attribute(group, "weight_names")
    if adapted := next((name for name in names if "lora_" in name.rsplit("/", 1)[-1]), None):
        raise ModelError(
            f"The layer of `{adapted}` has a LoRA adapter, which HDF5 files keep apart from its weights. Save the model as "
            f".keras, which adds the two."
        )
    return [(name, hdf5.as_array(group[name])) for name in names if name in group and not IGNORED.search(name)]


def _fill_layer(layer: Any, stored: Named, writer: int, backend: str | None, wanted: list[Any] | None = None) -> None:
    """Fill a layer's variables, or those of them that are `wanted`."""
    variables = _variables(layer) if wanted is None else wanted
    owners = {id(variable): one for one in layers_of(layer) for variable in one.weights}  # the innermost comes last
    if writer == 1:
        stored = joined(stored, any(_is_first(one) for one in owners.values()))
    stored = from_cudnn(stored)
    pairs = _by_name(stored, variables) or _by_order(stored, layer, variables, writer)
    if pairs is None:
        raise ModelError(
            f"The weights of layer `{layer.name}` do not fit: the file holds {_shapes(array for _, array in stored)}, "
            f"but the layer takes {_shapes(variables)}. The file is damaged, or has another architecture."
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
    return pairs if all(_alike(variable.shape, array.shape) for variable, array in pairs) else None


def _by_order(stored: Named, layer: Any, variables: list[Any], writer: int) -> Pairs | None:
    """Return pairs in one of the orders that Kerases wrote: all trainable ones first, or layer by layer; names of the kind must agree."""
    trainable = [variable for variable in variables if variable.trainable]
    rest = [variable for variable in variables if not variable.trainable]
    inside = [variable for one in leaves(layer) for variable in _variables(one)]
    orders = (trainable + rest, inside, variables) if len(inside) == len(variables) else (trainable + rest, variables)
    for order in orders:
        if len(order) == len(stored) and all(
            _fits(variable, name, array, writer) for variable, (name, array) in zip(order, stored, strict=True)
        ):
            return [(variable, array) for variable, (_, array) in zip(order, stored, strict=True)]
    return None


def _alike(shape: Any, other: Any) -> bool:
    """Say whether two shapes are the same apart from sides of one, which tell nothing about the order."""
    return [side for side in shape if side != 1] == [side for side in other if side != 1]


def _fits(variable: Any, name: str, array: Stored, writer: int) -> bool:
    kind, told = _kind(variable.path), _kind(name)
    agree = kind == told or told not in KINDS or (kind, told) == ("embeddings", "kernel")
    rearranged = writer == 1 and (int(np.prod(variable.shape)) == array.size or told == "alpha")
    return agree and (_alike(variable.shape, array.shape) or rearranged)


KINDS = frozenset({"kernel", "recurrent_kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance", "alpha", "pointwise_kernel"})


def _key(path: str) -> tuple[str, ...]:
    parts = path.split("/")
    return (*parts[:-1][-1:], _kind(path))


def _kind(path: str) -> str:
    last = re.sub(r":\d+$", "", path).rsplit("/", 1)[-1]
    if last not in ALIASES:
        last = next((short for short in ALIASES if last.endswith("_" + short)), last)  # Keras 1: convolution2d_1_W
        last = next((kind for kind in KINDS if last.endswith("_" + kind) and kind not in ("kernel",)), last)
    return ALIASES.get(last, last)


def _is_first(layer: Any) -> bool:
    return getattr(layer, "data_format", None) == "channels_first"


def _converted(array: Array, variable: Any, owner: Any, writer: int, backend: str | None) -> Array:
    """Return a convolution's kernel in today's layout (rows, columns, in, out)."""
    kind, first = type(owner).__name__, _is_first(owner)
    if array.ndim < 3 or owner is None or not kind.startswith(("Conv", "Separable", "Depthwise")):
        return array
    if writer == 1 and array.ndim == 4:
        if kind == "Conv2DTranspose":
            array = array.transpose((2, 3, 0, 1) if first else (0, 1, 3, 2))
        elif kind == "Conv1D":
            if array.shape[:2] != (variable.shape[0], 1) or array.shape[3] != variable.shape[2]:  # Keras 1.0 and 1.1
                array = array.transpose(2, 3, 1, 0)
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
    if _alike(variable.shape, array.shape):
        array = array.reshape(tuple(variable.shape))
    if tuple(variable.shape) != array.shape:
        raise ModelError(
            f"The weights of layer `{name}` do not fit: the file holds {array.shape}, but but the layer takes {tuple(variable.shape)}."
        )
    if array.dtype.kind not in "fiub":
        raise ModelError(f"The weights of layer `{name}` are of type {array.dtype}. Expected numbers.")
    variable.assign(np.asarray(array, dtype="float32" if array.dtype.kind == "f" else array.dtype, order="C"))


def fill_numbered(network: Any, file: hdf5.Group, writer: int) -> list[str]:
    """Fill a network from the numbered variables of a `.weights.h5` file; return notes. Raises ModelError."""
    own = type(network) not in (keras.Sequential, keras.src.models.Functional)
    if "_layer_checkpoint_dependencies" in file or (writer == 2 and not own):
        _fill_tree(network, file, network.name)
    else:
        try:
            store.fill(network, file)
        except Exception as error:
            raise ModelError(f"The weights in the file do not fit the network `{network.name}`: {first_sentence(error)}") from error
    finish(network)
    return []


def _fill_tree(layer: Any, group: hdf5.Group, name: str) -> None:
    """Fill a layer and those inside it, which the file names as the layer's attributes."""
    container = next((part for key in CONTAINERS if isinstance(part := group.get(key), hdf5.Group) and len(part)), None)
    inside = list(getattr(layer, "layers", ()))
    if container is not None and inside:
        _fill_list(inside, container, name)
        return
    parts = {key: part for key, part in group.items() if key != "vars" and isinstance(part, hdf5.Group) and any(part.arrays())}
    found = {key: getattr(layer, key, None) for key in parts}
    if len(parts) < 2 and not all(isinstance(one, list | tuple | keras.Layer) for one in found.values()):
        _fill_flat(layer, _numbered(group), layer.weights)  # there is no order to be mistaken in
        return
    for key, part in parts.items():
        one = found[key]
        if isinstance(one, keras.Layer):
            _fill_tree(one, part, one.name)
        elif isinstance(one, list | tuple):
            _fill_list(one, part, name)
        else:
            raise ModelError(f"The file holds weights for the part {shown(key)} of layer `{name}`, which it does not have.")
    own = layer.weights if not parts else [*layer._trainable_variables, *layer._non_trainable_variables]
    _fill_flat(layer, _own(group), own)


def _fill_list(inside: Sequence[Any], container: Any, name: str) -> None:
    """Fill layers in a row: of those of one class, the k-th is the k-th in the file."""
    times: Counter[str] = Counter()
    for one in inside:
        word = word_of(one)
        groups = sorted(
            (key for key in container if re.fullmatch(rf"{word}(_[0-9]{{1,9}})?", key)), key=lambda key: int("0" + key[len(word) + 1 :])
        )
        place, times[word] = times[word], times[word] + 1
        if place < len(groups):
            _fill_tree(one, container[groups[place]], one.name)
        elif one.weights:
            raise ModelError(f"The file holds no weights for the layer `{one.name}` of `{name}`.")


def _fill_flat(layer: Any, numbered: list[tuple[str, Any]], variables: list[Any]) -> None:
    stored: Named = [(number, hdf5.as_array(item)) for number, item in numbered]
    wanted = [variable for variable in variables if not IGNORED.search(variable.path)]
    if wanted or (stored and not variables):
        counts = type(layer).__name__ == "Normalization"  # it ends in the number of images it saw
        _fill_layer(layer, stored[: len(wanted)] if counts else stored, 2, None, wanted)


def _own(group: hdf5.Group) -> list[tuple[str, Any]]:
    """Return the variables of a group itself, in the order in which they are numbered."""
    variables = group.get("vars")
    named = variables if isinstance(variables, hdf5.Group) else {}
    return [(key, named[key]) for key in sorted(named, key=lambda key: int(key) if re.fullmatch("[0-9]{1,9}", key) else 0)]


def _numbered(group: hdf5.Group) -> list[tuple[str, Any]]:
    """Return the variables in a group and below it, in the order in which they are numbered."""
    below = [one for key, part in group.items() if key != "vars" and isinstance(part, hdf5.Group) for one in _numbered(part)]
    return [*_own(group), *below]


def leaves(model: Any) -> list[Any]:
    """Return the layers of a model that hold no others, those of nested models included."""
    inside = getattr(model, "layers", None)
    return [one for layer in inside for one in leaves(layer)] if inside else [model]


def finish(network: Any) -> None:
    """Tell the layers that compute constants from their weights that these have come."""
    for layer in layers_of(network):
        if isinstance(layer, keras.layers.Normalization) and layer.built:
            layer.finalize_state()


def _shapes(arrays: Any) -> str:
    shapes = [str(tuple(array.shape)) for array in arrays]
    return ", ".join(shapes[:6]) + (f" and {len(shapes) - 6} more" if len(shapes) > 6 else "") or "nothing"
