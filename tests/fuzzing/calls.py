"""Generated networks, every layer and operation of Keras with every parameter, through every method that runs them and its drawing.

Where plain Keras computes a number, convscope's must be that one: a layer's output, a unit's gradient, and the projection by the gradient's
own rules.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import convscope
from convscope.backend import choose, keras, ops
from convscope.errors import ConvscopeError
from convscope.graph.rules import GRADIENT
from convscope.graph.saturation import ranking, seed_call
from convscope.network.addresses import unit_call
from convscope.network.network import as_network
from convscope.units import Unit
from fuzzing.running import unsound
from generated import Generated, UnbuildableError, generated

SHORT = 40
CLOSE = 2e-3  # of the largest value; networks of half precision are computed in float32 here
HALVES = ("float16", "bfloat16", "mixed_")


@dataclass(frozen=True)
class Asked:
    """One network as convscope read it, the images it is asked about, and which address it is asked for."""

    made: Generated
    bundle: Any
    images: Any
    address: str
    unit: str
    channels: int
    rng: np.random.Generator


def attempt(number: int, folder: Path) -> str:
    """Return "compared", "ran" or "refused"; raise what a method should not have raised, or AssertionError for another number."""
    outcomes = dict(cases(number, folder))
    for outcome in outcomes.values():
        if isinstance(outcome, BaseException):
            raise outcome
    found = set(outcomes.values())
    return next(word for word in ("compared", "ran", "refused", "unbuildable") if word in found)


def cases(number: int, folder: Path) -> Iterator[tuple[str, Any]]:
    """Yield what each method made of the network of that number: a word, or the exception that is a fault."""
    rng = np.random.default_rng([12, number])
    try:
        made = generated(number)
    except UnbuildableError:
        yield "build", "unbuildable"
        return
    try:
        bundle = _loaded(made, folder, rng)
    except Exception as error:
        yield "load", _judged(error)
        return
    asked = _asked(made, bundle, rng)
    for name in ("layers", "activations", "saliency", "deconv", "projection", *_rare(rng)):
        try:
            yield name, METHODS[name](asked, folder)
        except Exception as error:
            yield name, _judged(error)


def _rare(rng: np.random.Generator) -> list[str]:
    """Return the slower methods that this network goes through too."""
    return [name for name, share in (("ascend", 0.12), ("embed", 0.06), ("scan", 0.06)) if rng.random() < share]


def _judged(error: Exception) -> Any:
    if isinstance(error, ConvscopeError):
        fault = unsound(str(error))
        return AssertionError(fault) if fault else "refused"
    return error


def _loaded(made: Generated, folder: Path, rng: np.random.Generator) -> Any:
    """Return the network as convscope reads its file; the network itself where that is refused or Keras cannot save it, or by chance."""
    path = folder / f"generated{'.h5' if rng.random() < 0.1 else '.keras'}"
    if rng.random() < 0.1:
        return convscope.load(made.model)
    try:
        made.model.save(path)
    except Exception:
        return convscope.load(made.model)
    try:
        return convscope.load(path)
    except ConvscopeError as error:
        if fault := unsound(str(error)):
            raise AssertionError(fault) from error
        return convscope.load(made.model)


def _asked(made: Generated, bundle: Any, rng: np.random.Generator) -> Asked:
    shape = tuple(side or 8 for side in bundle.shape)
    count = int(rng.integers(1, 4))
    images = rng.uniform(0.0, 1.0, (count, *shape)).astype("float32")
    if made.dtype == "int32":
        images = rng.integers(0, 8, (count, *shape)).astype("float32")
    address = made.subject if rng.random() < 0.6 or not made.tensors else str(rng.choice(list(made.tensors)))
    tensor = made.tensors.get(address)
    channels = int(tensor.shape[-1] or 1) if tensor is not None and len(tensor.shape) else 1
    return Asked(made, bundle, images, address, f"{address}:{int(rng.integers(channels))}", channels, rng)


def _layers(asked: Asked, folder: Path) -> str:
    for layer in convscope.layers(asked.bundle):
        tensor = asked.made.tensors.get(layer.address)
        assert tensor is None or _is_turned(asked) or layer.channels == tensor.shape[-1], f"{layer} of {tensor.shape}"
    return "ran"


def _activations(asked: Asked, folder: Path) -> str:
    result = convscope.activations(asked.bundle, asked.address, asked.images)
    word = _compared(asked, result.maps, lambda: _plain(asked))
    _draw(asked, result)
    return word


def _saliency(asked: Asked, folder: Path) -> str:
    result = convscope.saliency(asked.bundle, asked.unit, asked.images)
    word = "ran" if _is_score(asked, either=True) else _compared(asked, result.pixels, lambda: _gradient(asked))
    _draw(asked, result)
    return word


def _projection(asked: Asked, folder: Path) -> str:
    """Project under the rules of the gradient: the projection is the gradient times the seed."""
    result = convscope.deconv(asked.bundle, asked.unit, asked.images, rules=GRADIENT)
    value = np.maximum(result.seeds[:, 0], 0.0).reshape(-1, *[1] * (asked.images.ndim - 1))
    return "ran" if _is_score(asked) else _compared(asked, result.pixels[:, 0], lambda: _gradient(asked) * value)


def _deconv(asked: Asked, folder: Path) -> str:
    rng = asked.rng
    options = {"switches": [True, "spread", "center"][rng.integers(3)], "seed": ["strongest", "map"][rng.integers(2)]}
    units = asked.unit if rng.random() < 0.7 else f"{asked.address}:all"
    strongest = 2 if units != asked.unit and rng.random() < 0.5 else None
    ties = ["first", "spread"][rng.integers(2)]
    _draw(asked, convscope.deconv(asked.bundle, units, asked.images, ties=ties, strongest=strongest, **options))
    return "ran"


def _ascend(asked: Asked, folder: Path) -> str:
    options: list[dict[str, Any]] = [
        {}, {"mode": "paper"}, {"image": "maco"}, {"diversity": 2}, {"precision": "bfloat16"}, {"precision": "bfloat16", "mode": "paper"},
        {"real": asked.images}, {"start": asked.images[:1]},
    ]  # fmt: skip
    chosen = options[asked.rng.integers(len(options))]
    result = convscope.ascend(asked.bundle, asked.unit, steps=2, **chosen)
    assert ((result.images >= 0) & (result.images <= 1)).all()
    _draw(asked, result)
    return "ran"


def _embed(asked: Asked, folder: Path) -> str:
    layer = asked.address if asked.rng.random() < 0.5 else None
    convscope.tsne(asked.bundle, np.concatenate([asked.images] * 4), layer=layer).picture()
    return "ran"


def _scan(asked: Asked, folder: Path) -> str:
    layers = asked.address if asked.rng.random() < 0.5 else "all"
    run = convscope.scan(asked.bundle, asked.images, layers=layers, out=folder / "run")
    unit = f"{run.layers[0].address}:0" if hasattr(run.layers[0], "address") else f"{next(iter(run.layers))}:0"
    convscope.top(asked.bundle, unit, run=run).picture()
    convscope.dossier(asked.bundle, unit, run=run, steps=2).picture()
    return "ran"


def _draw(asked: Asked, result: Any) -> None:
    """Draw a result: of pictures and maps now and then, because words take time, of anything else always."""
    maps = getattr(result, "maps", asked.images)
    if asked.images.ndim != 4 or maps.ndim not in (3, 4) or min(maps.shape[1:]) == 1 or asked.rng.random() < 0.25:
        result.picture()


METHODS: dict[str, Callable[[Asked, Path], str]] = {
    "layers": _layers,
    "activations": _activations,
    "saliency": _saliency,
    "deconv": _deconv,
    "projection": _projection,
    "ascend": _ascend,
    "embed": _embed,
    "scan": _scan,
}


def _is_score(asked: Asked, *, either: bool = False) -> bool:
    """Say whether a unit's score is not the layer's own output in plain Keras: it is taken before it, or the network was turned round.

    `either`: also where the unit falls with what is before.
    """
    graph, channel = as_network(asked.bundle).graph, int(asked.unit.rpartition(":")[2])
    if either and ranking(graph, unit_call(graph, Unit(asked.address, channel))).signs[channel]:
        return True
    return _is_turned(asked) or seed_call(graph, Unit(asked.address, channel)) is not graph.find(asked.address)


def _compared(asked: Asked, found: Any, plain: Callable[[], Any]) -> str:
    """Return "compared" where convscope's numbers are plain Keras' own; "ran" where that has none to compare with."""
    if asked.address not in asked.made.tensors or _differs(asked.made.words):
        return "ran"
    try:
        expected = np.asarray(plain())
    except Exception:
        return "ran"
    if _is_turned(asked) and expected.shape != found.shape:
        expected = np.moveaxis(expected, 1, -1)
    if expected.dtype.kind not in "fiub" or not np.isfinite(expected.astype("float64")).all():
        return "ran"
    assert found.shape == expected.shape, f"{found.shape}, not {expected.shape}, at {asked.address} of {asked.made.words}"
    scale = max(float(np.abs(expected).max(initial=0.0)), 1e-6)
    error = float(np.abs(found - expected).max(initial=0.0)) / scale
    close = 20 * CLOSE if any(half in asked.made.words for half in HALVES) else CLOSE
    assert error <= close, f"off by {error:.2g} at {asked.unit} of {asked.made.words}"
    return "compared"


def _differs(words: str) -> bool:
    """Say whether plain Keras computes something else on this framework than on the others, and convscope what they do."""
    return choose() == "torch" and ("AveragePooling" in words or "average_pool" in words) and "same" in words


def _is_turned(asked: Asked) -> bool:
    """Say whether convscope made a network with the channels first one with the channels last."""
    return any("channels first" in note for note in asked.bundle.notes)


def _entered(asked: Asked) -> Any:
    pixels = asked.bundle.preprocessing.apply(asked.images) if asked.bundle.takes_images else asked.images
    if _is_turned(asked) and pixels.ndim == 4:
        pixels = np.moveaxis(pixels, -1, 1)
    return ops.convert_to_tensor(np.ascontiguousarray(pixels, dtype="float32"))


def _cut(asked: Asked) -> Any:
    return keras.Model(asked.made.model.inputs[0], asked.made.tensors[asked.address])


def _plain(asked: Asked) -> Any:
    return ops.convert_to_numpy(_cut(asked)(_entered(asked), training=False))


def _gradient(asked: Asked) -> Any:
    """Return the framework's own gradient of the unit's largest value, the first of equal ones."""
    model, entered = _cut(asked), _entered(asked)
    output = np.asarray(ops.convert_to_numpy(model(entered, training=False)))
    channel = int(asked.unit.rpartition(":")[2])
    signal = np.zeros_like(output)
    if output.ndim == 2:
        signal[:, channel] = 1
    else:
        one = output[..., channel].reshape(len(output), -1)
        places = np.unravel_index(one.argmax(axis=1), output.shape[1:-1])
        signal[(np.arange(len(output)), *places, channel)] = 1
    found = np.asarray(FRAMEWORKS[choose()](lambda image: model(image, training=False), entered, signal))
    return asked.bundle.preprocessing.to_rgb(found)


def _by_tensorflow(function: Any, image: Any, signal: Any) -> Any:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(image)
        output = function(image)
    return tape.gradient(output, image, output_gradients=tf.constant(signal, output.dtype), unconnected_gradients="zero")


def _by_jax(function: Any, image: Any, signal: Any) -> Any:
    import jax

    return jax.vjp(function, image)[1](signal)[0]


def _by_torch(function: Any, image: Any, signal: Any) -> Any:
    import torch

    leaf = image.detach().requires_grad_(True)
    output = function(leaf)
    if not output.requires_grad:
        return np.zeros(tuple(leaf.shape), "float32")
    (found,) = torch.autograd.grad(output, leaf, torch.as_tensor(signal), allow_unused=True)
    return np.zeros(tuple(leaf.shape), "float32") if found is None else found.numpy()


FRAMEWORKS = {"tensorflow": _by_tensorflow, "jax": _by_jax, "torch": _by_torch}
