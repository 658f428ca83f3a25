"""`load`: from nothing, a name or a file to a ModelBundle."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import assets
from ..errors import ModelError, OptionError, near_misses
from . import applications, files
from .bundle import ModelBundle
from .preprocessing import choose_preprocessing, layers_within

EMBEDDED = {"vgg16": "vgg16_features_float16.weights.h5", "fashion": "fashion.keras"}
WEIGHTS = ("imagenet", "embedded", "none")


def load(
    path: Any = None,
    *,
    preprocess: str | None = None,
    labels: str | Path | Sequence[str] | None = None,
    weights: str | None = None,
) -> ModelBundle:
    """Return the ModelBundle of a saved Keras model, a `keras.applications` name, an embedded model, or (nothing given) VGG16.

    `path`: a `.h5`, `.hdf5` or `.keras` file, `"fashion"`, a name such as `"resnet50"`, or a Keras model in memory.
    `preprocess`: "none" (0-255), "unit" ([0, 1]), "symmetric" ([-1, 1]), "caffe" (BGR, mean subtracted) or "torch"; by default
    recognised, else "unit"; `bundle.notes` says which. `labels`: class names, or a text file (a line each) or JSON file of them.
    `weights`: for names only: "imagenet" from Keras' own cache, "embedded", or "none" for random ones; by default the first of these
    that is there. Nothing is downloaded. Models load with `compile=False` and in safe mode. Raises ModelError, OptionError,
    BackendError.
    """
    if weights is not None and weights not in WEIGHTS:
        raise OptionError(f"No weights `{weights}`. Choose one of {', '.join(WEIGHTS)}.")
    found = _find(path, weights)
    shape = _image_shape(found.network, found.name)
    recipe, reason = choose_preprocessing(found.network, shape[2], preprocess or found.preprocess)
    return ModelBundle(
        name=found.name,
        source=found.source,
        weights=found.weights,
        network=found.network,
        preprocessing=recipe,
        shape=shape,
        labels=_labels(labels, found.network) if labels is not None else _known_labels(found.source, found.network),
        notes=(*found.notes, reason),
        given={"preprocess": preprocess, "labels": labels if labels is None else _plain(labels)},
    )


@dataclass(frozen=True)
class _Found:
    """A network and where it came from."""

    network: Any
    name: str
    source: str
    weights: str
    notes: tuple[str, ...] = ()
    preprocess: str | None = None


def _find(path: Any, weights: str | None) -> _Found:
    if hasattr(path, "layers"):
        return _Found(path, path.name, "memory", "memory")
    if path is not None and (Path(path).exists() or _looks_like_file(str(path))):
        return _Found(files.read_model(Path(path)), Path(path).stem, str(Path(path).resolve()), "file")
    return _by_name("vgg16" if path is None else str(path), weights)


def as_bundle(model: Any) -> ModelBundle:
    """Return a ModelBundle as it is; load a path, a name, None, or a Keras model in memory."""
    if isinstance(model, ModelBundle):
        return model
    if model is None or isinstance(model, str | Path) or hasattr(model, "layers"):
        return load(model)
    raise ModelError(f"Received {type(model).__name__} as a model. Expected what convscope.load returns, or a path or name for it.")


def _looks_like_file(name: str) -> bool:
    return "/" in name or "\\" in name or Path(name).suffix != ""


def _by_name(name: str, weights: str | None) -> _Found:
    if name.lower() == "fashion":
        note = "fashion: the embedded small CNN, trained on Fashion-MNIST"
        return _Found(files.read_model(assets.path(EMBEDDED["fashion"])), "fashion", "fashion", "embedded", (note,), "unit")
    application = applications.find(name)
    if application is None:
        known = ["fashion", *applications.names()]
        raise ModelError(
            f"No model file `{name}`, and no model of that name. Expected a .h5, .hdf5 or .keras file, or a name; "
            f"closest: {near_misses(name, known)}."
        )
    key = application.lower()
    if weights == "none":
        return _Found(applications.build(application, None), key, key, "none", (f"{application} with random weights",))
    if weights != "embedded" and (network := applications.cached(application)) is not None:
        return _Found(network, key, key, "imagenet", (f"{application}: the full ImageNet checkpoint from Keras' own cache",))
    if key == "vgg16" and weights != "imagenet":
        note = "VGG16: the embedded convolutional checkpoint (for the full ImageNet one: convscope fetch vgg16)"
        return _Found(_embedded_vgg16(), key, key, "embedded", (note,))
    raise ModelError(
        f"The weights of {application} are not in Keras' cache. Fetch them with: convscope fetch {key}; "
        f"or take random ones with --weights none."
    )


def _embedded_vgg16() -> Any:
    network = applications.build("VGG16", None, include_top=False)
    network.load_weights(assets.path(EMBEDDED["vgg16"]))
    return network


def _image_shape(network: Any, name: str) -> tuple[int | None, int | None, int]:
    if not getattr(network, "inputs", None):
        raise ModelError(
            f"`{name}` ({type(network).__name__}) keeps no graph of its layers: a subclassed model, or a Sequential one never "
            "built. Functional and built Sequential models work, nested to any depth."
        )
    first = next((layer.name for layer in layers_within(network) if getattr(layer, "data_format", None) == "channels_first"), None)
    if first is not None:
        raise ModelError(
            f"`{name}` computes channels first (layer `{first}`); convscope takes channels_last models so far. Convert it first."
        )
    shapes = [tuple(tensor.shape) for tensor in network.inputs]
    shape = next((one for one in shapes if len(one) == 4), None)
    if shape is None:
        raise ModelError(
            f"`{name}` takes no image: expected an input (batch, height, width, channels), received {shapes}. "
            "Networks on sequences or volumes are not supported yet."
        )
    if shape[3] is None:
        raise ModelError(f"`{name}` does not say how many channels its input has: received {shape}.")
    return shape[1], shape[2], int(shape[3])


def _plain(labels: str | Path | Sequence[str]) -> Any:
    return str(Path(labels).resolve()) if isinstance(labels, str | Path) else list(labels)


def _known_labels(source: str, network: Any) -> tuple[str, ...] | None:
    if source == "fashion":
        return tuple(assets.path("fashion_labels.txt").read_text().splitlines())
    if network.output_shape[-1:] != (1000,) or not (index := applications.class_index()):
        return None
    return index


def _labels(labels: str | Path | Sequence[str], network: Any) -> tuple[str, ...]:
    names = _read_labels(Path(labels)) if isinstance(labels, str | Path) else [str(name) for name in labels]
    outputs = network.output_shape[-1] if isinstance(network.output_shape, tuple) else None
    if outputs is not None and len(names) != outputs:
        raise OptionError(f"Received {len(names)} labels; the network has {outputs} outputs. Give one name for each output, in order.")
    return tuple(names)


def _read_labels(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix.lower() != ".json":
            return [line.strip() for line in text.splitlines() if line.strip()]
        found = json.loads(text)
    except (OSError, ValueError) as error:
        raise OptionError(f"Could not read labels from `{path}`: {error}. Expected a text file, one name a line, or JSON.") from error
    values = [found[key] for key in sorted(found, key=int)] if isinstance(found, dict) else found
    return [str(value[-1] if isinstance(value, list) else value) for value in values]
