"""`load`: from nothing, a name or a file to a ModelBundle."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import assets
from ..errors import ModelError, OptionError, check_choice, closest
from ..progress import working
from ..reach import is_within_reach, permit, user_path
from ..store import fetched, is_uri, locate
from ..store_faults import StoreError
from . import applications
from .architectures import architecture_for
from .bundle import ModelBundle
from .channels import channels_last, is_channels_first
from .custom import as_custom
from .differences import difference_notes
from .inputs import as_inputs
from .labels import read_labels
from .reading import EXPECTED_MODEL, Opened, Reading, read_model
from .recognition import choose_preprocessing
from .tracing import is_graph, operation_of, traced

VGG16 = "vgg16_imagenet_conv_float16.weights.h5"
IMAGENET_LABELS = "imagenet_labels.txt"
# The layer of the embedded classifier, and of most in keras.applications, whose units are classes.
CLASSES = "predictions"


@dataclass(frozen=True)
class _Embedded:
    """A model in the package: its file, the sentence that introduces it, its preprocessing and the file of its class names."""

    file: str
    note: str
    preprocess: str
    labels: str


DEFAULT = "vgg16"  # what is loaded where no model is named
EMBEDDED = {
    "squeezenet": _Embedded(
        "squeezenet_imagenet_float16.h5",
        "squeezenet: the embedded ImageNet classifier, SqueezeNet v1.1 with 1,000 classes",
        "caffe",
        IMAGENET_LABELS,
    ),
    "fashion": _Embedded("fashion.keras", "fashion: the embedded small CNN, trained on Fashion-MNIST", "unit", "fashion_labels.txt"),
}
WEIGHTS = ("imagenet", "embedded", "none")


def load(
    path: Any = None,
    *,
    preprocess: str | None = None,
    labels: str | Path | Sequence[str] | None = None,
    weights: str | None = None,
    architecture: str | None = None,
    input_shape: Sequence[int | None] | None = None,
    inputs: Any = None,
    custom: Any = (),
    unsafe: bool = False,
    without: Any = (),
) -> ModelBundle:
    """Return the ModelBundle of a saved Keras model, of a name, or of VGG16 if `path` is None.

    - `path`: a `.h5`, `.hdf5` or `.keras` file of Keras 1.0 or later, the URI of one in a bucket (`s3://…`), a name such as
      `"squeezenet"`, `"fashion"` or `"resnet50"`, or a Keras model in memory.
    - `preprocess`: "none" (0-255), "unit" ([0, 1]), "symmetric" ([-1, 1]), "caffe" (BGR, mean subtracted), "torch", or means and
      deviations in 0-255 such as "127/128". By default it is recognised, measured, or else "unit"; `bundle.notes` says which.
    - `labels`: class names, or a file of them (text with one per line, or JSON).
    - `weights`: for names only, "imagenet" from Keras' own cache, "embedded", or "none" for random weights. By default the first that
      exists. Nothing is downloaded.
    - `architecture`: the network of a weights-only file, as a name in `keras.applications` or a JSON file.
    - `input_shape`: (height, width, channels), if the file does not say it. `inputs`: {name: value} for a network with several inputs;
      the value "image" marks the one that takes images.
    - `custom`: your own classes and functions, "file.py" or "package.module:Name". This code is executed.
    - `unsafe`: True runs the Python code in Lambda layers of the file.
    - `without`: addresses of units that are silenced, such as "block4_conv2:17,20": a lesion. Their values are 0 after their activation.

    A model file is untrusted: nothing in it runs, and no name in it is imported. Raises ModelError, OptionError, BackendError.
    """
    if weights is not None:
        check_choice("weights", weights, WEIGHTS)
    reading = Reading(_checked_shape(input_shape), as_custom(custom), unsafe)
    found = _find(path, weights, architecture, reading)
    network, notes = _as_graph(found, reading)
    image, fixed = as_inputs(inputs, network)
    shape = _image_shape(network, image)
    choice = choose_preprocessing(network, shape, preprocess or found.preprocess, image, fixed)
    named = None if labels is None else _labels(labels, network)
    known = _known_labels(found.source, network)
    if known is not None and named is None and found.weights in ("file", "memory"):
        notes.append("class names: ImageNet's, because the network has 1,000 outputs (--labels changes them)")
    bundle = ModelBundle(
        name=found.name,
        source=found.source,
        weights=found.weights,
        network=network,
        preprocessing=choice.recipe,
        shape=shape,
        labels=known if named is None else named,
        notes=(*notes, choice.reason),
        alternatives=choice.alternatives,
        given=_recorded(
            preprocess=preprocess,
            labels=None if named is None else list(named),
            architecture=architecture,
            input_shape=None if input_shape is None else list(input_shape),
            inputs=inputs if isinstance(inputs, list | tuple) else {name: np.asarray(value).tolist() for name, value in fixed.items()},
            custom=_custom_names(custom),
            unsafe=unsafe,
        ),
        image_input=image,
        inputs=fixed,
        format=found.format,
    )
    return bundle.lesioned(without)


def _checked_shape(shape: Sequence[int | None] | None) -> tuple[int | None, ...] | None:
    if shape is None:
        return None
    if not all(side is None or (isinstance(side, int) and side > 0) for side in shape):
        raise OptionError(f"Received the input shape {tuple(shape)}. Expected numbers above 0, such as 224,224,3; None where it is free.")
    return tuple(shape)


def _as_graph(found: "_Found", reading: Reading) -> tuple[Any, list[str]]:
    """Return the network as a graph of layers that compute channels last, and the sentences on how it came to be one."""
    network = found.network if is_graph(found.network) else traced(found.network, reading.input_shape)
    notes = list(found.notes)
    if is_channels_first(network):
        network = channels_last(network)
        notes.append("computes channels first. It was converted: images and maps are (height, width, channel)")
    return network, [*notes, *difference_notes(network)]


def _recorded(**given: Any) -> dict[str, Any]:
    """Return the options that were set."""
    return {name: value for name, value in given.items() if value not in (None, False, [], (), {}) or name in ("preprocess", "labels")}


def _custom_names(custom: Any) -> list[str]:
    if hasattr(custom, "names"):
        return list(custom.names())
    given = [custom] if isinstance(custom, str | Path) or callable(custom) else list(custom)
    return [str(one) if isinstance(one, str | Path) else getattr(one, "__name__", "") for one in given]


@dataclass(frozen=True)
class _Found:
    """A network and where it came from."""

    network: Any
    name: str
    source: str
    weights: str
    notes: tuple[str, ...] = ()
    preprocess: str | None = None
    format: str = "built"


def _find(path: Any, weights: str | None, architecture: str | None, reading: Reading) -> _Found:
    if hasattr(path, "layers"):
        return _Found(path, path.name, "memory", "memory", format="in memory")
    if is_uri(path):
        return _stored(path, architecture, reading)
    named = path is not None and _looks_like_file(str(path))
    there = path is not None and (named or weights is None) and _exists(path)
    if named or there:
        file = user_path(path)
        read = read_model(file, reading, lambda opened: architecture_for(opened, file, architecture, reading))
        return _Found(read.network, _stem(file), str(file.resolve()), "file", read.notes, format=read.format)
    if architecture is not None:
        raise OptionError(f"--architecture is for weights-only files. Received the model {path or 'vgg16'}.")
    return _by_name(DEFAULT if path is None else str(path), weights)


def _stored(uri: str, architecture: str | None, reading: Reading) -> _Found:
    """Return the network in a file of a store: a copy of it is kept on this machine, and read as any file."""
    permit([uri])
    try:
        with working("fetching the model"):
            file = fetched(locate(uri))
    except StoreError as error:
        raise ModelError(f"`{uri.partition('?')[0]}` cannot be read: {error.strerror}. {error.advice} {EXPECTED_MODEL}") from error
    read = read_model(file, reading, lambda opened: architecture_for(opened, file, architecture, reading))
    return _Found(read.network, _stem(file), uri, "file", read.notes, format=read.format)


def _exists(path: str | Path) -> bool:
    """Say whether there is such a file; raise ModelError for a path that no file can have."""
    try:
        return is_within_reach(path) and Path(path).expanduser().exists()
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ModelError(f"`{path}` is not a possible path: {reason}. {EXPECTED_MODEL}") from error


def _stem(file: Path) -> str:
    """Return a file's name without what says its kind."""
    return file.name.removesuffix(file.suffix).removesuffix(".weights")


def load_default(*, classes: bool = False, **options: Any) -> ModelBundle:
    """Return the model for a request that names none: VGG16, or the embedded classifier for one that needs classes VGG16 lacks here.

    `classes`: whether the request needs classes or a last layer. `options` go to `load`. The first note says which and why.
    """
    if not classes or options.get("weights") is not None or applications.is_cached("VGG16"):
        return load("vgg16", **options)
    bundle = load("squeezenet", **options)
    reason = "No model was named, and the embedded VGG16 has no classes, so convscope uses squeezenet. Name another with -m."
    return replace(bundle, notes=(reason, *bundle.notes))


def names_classes(units: Any) -> bool:
    """Say whether the text of a unit, or of one among several, names the layer of classes, such as predictions:tabby."""
    return any(CLASSES in str(one) for one in (units if isinstance(units, list | tuple) else [units]))


def _looks_like_file(name: str) -> bool:
    return "/" in name or "\\" in name or Path(name).suffix != ""


def _by_name(name: str, weights: str | None) -> _Found:
    key = name.lower()
    if (embedded := EMBEDDED.get(key)) is not None:
        if weights not in (None, "embedded"):
            raise OptionError(f"`{key}` is an embedded model with weights of its own. Leave out --weights {weights}.")
        read = read_model(assets.path(embedded.file), Reading(), _none)
        return _Found(read.network, key, key, "embedded", (embedded.note,), embedded.preprocess, read.format)
    application = applications.find(name)
    if application is None:
        known = [*EMBEDDED, *applications.names()]
        raise ModelError(
            f"No model file `{name}`, and no model with that name. Expected a .h5, .hdf5 or .keras file, or a name. "
            f"{closest('the names', name, known)}"
        )
    key = application.lower()
    if weights == "none":
        return _Found(applications.build(application, None), key, key, "none", (f"{application} with random weights",))
    if weights != "embedded" and (network := applications.cached(application)) is not None:
        return _Found(network, key, key, "imagenet", (f"{application}: the full ImageNet checkpoint from Keras' own cache",))
    if key == "vgg16" and weights != "imagenet":
        note = "vgg16: the embedded ImageNet weights of its 13 convolutions, without classes (all layers: convscope fetch vgg16)"
        return _Found(_embedded_vgg16(), key, key, "embedded", (note,))
    raise ModelError(
        f"The weights of {application} are not in Keras' cache. Fetch them with convscope fetch {key}, or use random ones "
        f"with --weights none."
    )


def _none(opened: Opened) -> Any:
    raise ModelError("The file holds no architecture.")


def _embedded_vgg16() -> Any:
    network = applications.build("VGG16", None, include_top=False)
    network.load_weights(assets.path(VGG16))
    return network


def _image_shape(network: Any, image: str) -> tuple[int | None, ...]:
    shape = next(tuple(tensor.shape[1:]) for tensor in network.inputs if operation_of(tensor).name == image)
    if shape[-1] is None:
        raise ModelError(
            f"`{network.name}` does not say how many channels its input has: its shape is {shape}. Add --input-shape 224,224,3"
        )
    return shape


def _known_labels(source: str, network: Any) -> tuple[str, ...] | None:
    """Return the class names of an embedded model, ImageNet's for any network of as many outputs, else None."""
    names = EMBEDDED[source].labels if source in EMBEDDED else IMAGENET_LABELS
    known = tuple(assets.path(names).read_text(encoding="utf-8").splitlines())
    return known if network.output_shape[-1:] == (len(known),) else None


def _labels(labels: str | Path | Sequence[str], network: Any) -> tuple[str, ...]:
    names = read_labels(Path(labels)) if isinstance(labels, str | Path) else [str(name) for name in labels]
    outputs = network.output_shape[-1] if isinstance(network.output_shape, tuple) else None
    if outputs is not None and len(names) != outputs:
        raise OptionError(f"Received {len(names)} labels, but the network has {outputs} outputs. Name each output, in order.")
    return tuple(names)
