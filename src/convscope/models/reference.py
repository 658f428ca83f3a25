"""What another process needs in order to get a network: words for `load`, or the network itself as bytes, and the digest that it must have.

A network never travels as a pickle: bytes are a model file, which the guarded loader reads there as it reads any other.
"""

import functools
import importlib.util
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..backend import check_worker, ops, quietly
from ..digests import digest
from ..errors import ConvscopeError, ModelError
from .bundle import ModelBundle
from .custom import OF_A_FILE
from .loading import load
from .reading import SUFFIXES
from .saved.trust import KERAS_PACKAGES
from .tracing import functional_of, layers_of, nodes_of, operation_of

KERAS_FILE = ".keras"
# Networks that lie in the package, wherever it is installed.
EMBEDDED = "embedded"
_last: dict[str, ModelBundle] = {}  # of this process: every request for the same network shares it


@dataclass(frozen=True)
class ModelReference:
    """A network as it travels: plain data.

    - `name`, `source`, `weights`: of the bundle. `digest`: the network's, and `arrives` what it is once it was loaded from `content`.
    - `options`: those of `load`. `path`: the file or name to load; None where `content`, a model file, travels along. `suffix`: its kind.
    """

    name: str
    source: str
    weights: str
    digest: str
    arrives: str
    options: Mapping[str, Any]
    path: str | None
    content: bytes | None = field(default=None, repr=False)
    suffix: str = KERAS_FILE

    @classmethod
    def of(cls, bundle: ModelBundle, *, far: bool = False) -> "ModelReference":
        """Return what stands for a network. `far`: for processes that may not see this machine's files.

        The file of a model travels as it is. A network that lies in memory, in Keras' cache or in several files is saved first. Raises
        ModelError for one that convscope cannot read again, or that is not the same then.
        """
        known = cls(bundle.name, bundle.source, bundle.weights, bundle.digest, bundle.digest, dict(bundle.given), bundle.source)
        named = _is_named(bundle)
        if bundle.weights == EMBEDDED or (not far and named and bundle.weights in ("file", "imagenet")):
            return replace(known, options={"weights": None if bundle.weights == "file" else bundle.weights, **bundle.given})
        if bundle.weights == "file" and named and "architecture" not in bundle.given:
            file = Path(bundle.source)
            return replace(known, path=None, content=_content(file), suffix=file.suffix.lower())
        return _saved(bundle, known)

    def load(self) -> ModelBundle:
        """Return the network, which is the same to the bit, and keep it. Raises ModelError where it is not, and what `load` raises."""
        if self.key not in _last:
            _last.clear()
            _last[self.key] = self._loaded()
        return _last[self.key]

    def _loaded(self) -> ModelBundle:
        loaded = load(self.path, **self.options) if self.path is not None else self._unpacked()
        if loaded.digest != self.arrives:
            raise ModelError(
                f"The request is of another model than a worker loaded from `{self.path or self.name}`: its digest is {loaded.digest}, "
                f"expected {self.arrives}. Restore the model, and the same command resumes."
            )
        bundle = replace(loaded, name=self.name, source=self.source, weights=self.weights)
        bundle.__dict__["digest"] = self.digest  # what was saved and loaded may spell the architecture otherwise
        return bundle

    def _unpacked(self) -> ModelBundle:
        with tempfile.TemporaryDirectory(prefix="convscope-model-") as folder:
            file = Path(folder) / f"model{self.suffix if self.suffix in SUFFIXES else KERAS_FILE}"
            file.write_bytes(self.content or b"")
            return load(file, **self.options)

    @property
    def key(self) -> str:
        """What tells it from other references."""
        return digest(repr((self.digest, self.arrives, self.path, sorted(self.options.items(), key=str))).encode())


class Travelling:
    """A network as the functions hold it that an engine is handed: it pickles as a reference, made once and only when it is pickled.

    `kind`: what all workers must compute with (`backend.worker_kind`). `far`: as for `ModelReference.of`.
    """

    def __init__(self, bundle: ModelBundle, kind: Mapping[str, str], *, far: bool) -> None:
        self.kind = dict(kind)
        self._refer: Callable[[], ModelReference] = functools.cache(lambda: ModelReference.of(bundle, far=far))

    def __getstate__(self) -> dict[str, Any]:
        """Return the reference in place of the network. Raises ModelError for one that no other process can load."""
        return {"kind": self.kind, "reference": self._refer()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Be what was pickled."""
        self.kind, reference = state["kind"], state["reference"]
        self._refer = lambda: reference

    @property
    def path(self) -> str | None:
        """The file or name that a worker loads, None where the network comes along."""
        return self._refer().path

    def load(self) -> ModelBundle:
        """Return the network in a worker. Raises BackendError for one that computes otherwise, and what `ModelReference.load` raises."""
        check_worker(self.kind, platform.node())
        return self._refer().load()


def _is_named(bundle: ModelBundle) -> bool:
    """Say whether the options that were given mean the same code in another process."""
    return all(":" in str(one) or str(one).endswith(".py") or "." in str(one) for one in bundle.given.get("custom", ()))


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ModelError(f"`{file}` cannot be read: {error.strerror}. Workers need its bytes. Restore the file.") from error


def _saved(bundle: ModelBundle, known: ModelReference) -> ModelReference:
    """Return the reference of a network that is saved now; what a worker will get is loaded and compared before any does."""
    options: dict[str, Any] = {
        "preprocess": bundle.preprocessing.name,
        "labels": None if bundle.labels is None else list(bundle.labels),
        "inputs": {bundle.image_input: "image", **{name: np.asarray(one).tolist() for name, one in bundle.inputs.items()}},
        "custom": sorted(set(own_classes(bundle))),
        "unsafe": bool(bundle.given.get("unsafe")),
        "without": list(bundle.without),
    }
    if not bundle.inputs:
        del options["inputs"]
    with tempfile.TemporaryDirectory(prefix="convscope-model-") as folder:
        file = Path(folder) / f"model{KERAS_FILE}"
        try:
            with quietly():
                bundle.network.save(file)
            content = file.read_bytes()
            again = load(file, **options)
        except ConvscopeError as error:
            raise _stays(bundle, str(error).replace(f"`{file}`: ", "")) from error
        except Exception as error:
            raise _stays(bundle, f"Keras could not save it: {error}") from error
    if not _are_same(bundle, again):
        raise _stays(bundle, "saved and loaded again, it computes other numbers.")
    return replace(known, options=options, path=None, content=content, arrives=again.digest)


def _stays(bundle: ModelBundle, reason: str) -> ModelError:
    return ModelError(
        f"`{bundle.name}` exists only in this process's memory, and cannot be handed to workers: {reason} "
        "Save it to a file that convscope loads, or use one worker (--engine local)."
    )


def _are_same(one: ModelBundle, other: ModelBundle) -> bool:
    """Say whether two networks have the same weights, and the same outputs for an image of noise, to the bit."""
    weights, others = (one.network.get_weights(), other.network.get_weights())
    if len(weights) != len(others) or not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(weights, others, strict=True)):
        return False
    found = [_answers(bundle) for bundle in (one, other)]
    return len(found[0]) == len(found[1]) and all(np.array_equal(a, b, equal_nan=True) for a, b in zip(*found, strict=True))


def _answers(bundle: ModelBundle) -> list[Any]:
    network = bundle.network
    shape = [1, *(bundle.size if bundle.takes_images else (side or 8 for side in bundle.shape[:-1])), bundle.channels]
    noise = np.random.default_rng(0).uniform(*bundle.value_range, shape).astype(np.float32)
    fed = [noise if (name := operation_of(one).name) == bundle.image_input else bundle.inputs[name][None] for one in network.inputs]
    outputs = network(fed if len(fed) > 1 else fed[0], training=False)
    return [np.asarray(ops.convert_to_numpy(one)) for one in (outputs if isinstance(outputs, list | tuple) else [outputs])]


def own_classes(bundle: ModelBundle) -> Iterator[str]:
    """Yield "module:Name" of each class of the user's own in a network. Raises ModelError for one that no other process can import."""
    found = {type(layer) for layer in layers_of(bundle.network, itself=False)}
    found |= {type(node.operation) for node in nodes_of(functional_of(bundle.network))}
    for kind in found:
        module, name = kind.__module__, kind.__qualname__
        if module.split(".", 1)[0] in KERAS_PACKAGES or module.split(".", 1)[0] == __package__.split(".", 1)[0]:
            continue
        if (home := _home_of(kind)) is None:
            raise _stays(bundle, f"its layer {name} is defined in `{module}`, where a worker cannot import it. Put it into a module.")
        yield f"{home}:{name}"


def _home_of(kind: type) -> str | None:
    """Return the module of a class, or the file that --custom named; None where no other process finds the class."""
    module = sys.modules.get(kind.__module__)
    if kind.__module__ == "__main__" or module is None or getattr(module, kind.__qualname__, None) is not kind:
        return None
    if kind.__module__.startswith(OF_A_FILE):
        return module.__file__
    try:
        return kind.__module__ if importlib.util.find_spec(kind.__module__) is not None else None
    except (ImportError, ValueError):
        return None
