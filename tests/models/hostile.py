"""Model files that attack their reader. Each would leave a mark, reach for a file or an address, or take the machine's memory.

`cases()` maps a name to a `Case`; `write(folder, bait)` makes the file and returns its path. Nothing here needs Keras.
"""

import copy
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

SLOT = "evil"
HUGE = 10**12


@dataclass(frozen=True)
class Bait:
    """What an attack reaches for: a file to make, files to read, a module to import, an address to call."""

    folder: Path
    port: int

    PROBE = "bait_probe"

    @property
    def mark(self) -> Path:
        return self.folder / "mark"

    @property
    def touch(self) -> str:
        return f"touch {self.mark}"

    @property
    def python(self) -> str:
        return f"__import__('pathlib').Path({str(self.mark)!r}).touch()"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/file"

    def prepare(self) -> None:
        """Lay out the files that no load may open."""
        (self.folder / f"{self.PROBE}.py").write_text(
            f"{self.python}\n\ndef run(*_, **__):\n    {self.python}\n\n\nclass Probe:\n    from_config = __init__ = run\n"
        )
        (self.folder / "vocabulary.txt").write_text("one\ntwo\n")
        (self.folder / "secret.raw").write_bytes(np.full(4096, 7, "f4").tobytes())
        with h5py.File(self.folder / "secret.h5", "w") as file:
            file["kernel"], file["bias"] = np.full((3, 3, 3, 2), 7, "f4"), np.full(2, 7, "f4")
            for name, value in WEIGHTS.items():
                file[f"all/{name}"] = value
        keras_file(self.folder / "secret.keras", network(layer("Activation", activation="relu")))
        (self.folder / "saved").mkdir(exist_ok=True)
        (self.folder / "saved" / "saved_model.pb").write_bytes(b"\x08\x01")


@dataclass(frozen=True)
class Case:
    """One hostile file. `says`: what the refusal must name; `may_load`: it can also be harmless, when the bait is left alone."""

    write: Callable[[Path, Bait], Path]
    says: str
    may_load: bool = False


CASES: dict[str, Case] = {}


def case(says: str, *, may_load: bool = False) -> Callable[[Callable[[Path, Bait], Path]], Callable[[Path, Bait], Path]]:
    """Enter a writer under its own name."""

    def enter(write: Callable[[Path, Bait], Path]) -> Callable[[Path, Bait], Path]:
        add(write.__name__, write, says, may_load)
        return write

    return enter


def add(name: str, write: Callable[[Path, Bait], Path], says: str, may_load: bool = False) -> None:
    assert name not in CASES, name
    CASES[name] = Case(write, says, may_load)


# A small network, in the configs of Keras 2 and 3, with weights that fit it.

WEIGHTS = {
    "conv/kernel": np.linspace(-1, 1, 54, dtype="f4").reshape(3, 3, 3, 2),
    "conv/bias": np.zeros(2, "f4"),
    "out/kernel": np.linspace(-1, 1, 6, dtype="f4").reshape(2, 3),
    "out/bias": np.zeros(3, "f4"),
}


def layer(
    class_name: str, name: str = SLOT, module: str | None = "keras.layers", registered: Any = None, more: Any = (), **config: Any
) -> Any:
    """Return a layer as Keras 3 writes it."""
    parts = {"module": module, "class_name": class_name, "config": {"name": name, **config}, "registered_name": registered}
    return parts | dict(more)


def function(module: str, name: str, registered: str | None = None) -> dict[str, Any]:
    """Return a function as Keras 3 writes it."""
    return {"module": module, "class_name": "function", "config": name, "registered_name": registered or name}


def chain(*slots: Any, shape: Any = (None, 8, 8, 3)) -> list[Any]:
    """Return the layers of the network, the attack in its middle."""
    return [
        layer("InputLayer", "image", batch_shape=list(shape), dtype="float32"),
        layer("Conv2D", "conv", filters=2, kernel_size=[3, 3], activation="linear"),
        *slots,
        layer("GlobalAveragePooling2D", "average"),
        layer("Dense", "out", units=3, activation="linear"),
    ]


def sequential(layers: Any, name: str = "net") -> dict[str, Any]:
    return layer("Sequential", name, "keras", layers=layers)


def tensor(name: Any, node: Any = 0, index: Any = 0) -> dict[str, Any]:
    """Return a reference to a layer's output as Keras 3 writes it."""
    return {
        "class_name": "__keras_tensor__",
        "config": {"shape": [None, 6, 6, 2], "dtype": "float32", "keras_history": [name, node, index]},
    }


def functional(layers: Any, name: str = "net") -> dict[str, Any]:
    """Wire layers into a chain."""
    wired = copy.deepcopy(list(layers))
    for place, one in enumerate(wired):
        own = one["config"]["name"] if isinstance(one.get("config"), dict) else SLOT
        one["name"] = one.get("name", own)
        before = wired[place - 1]["name"] if place else None
        one.setdefault("inbound_nodes", [{"args": [tensor(before)], "kwargs": {}}] if before else [])
    ends = {"input_layers": [[wired[0]["name"], 0, 0]], "output_layers": [[wired[-1]["name"], 0, 0]]}
    return layer("Functional", name, "keras.src.models.functional", "Functional", layers=wired, **ends)


def network(*slots: Any, **options: Any) -> dict[str, Any]:
    return functional(chain(*slots, **options))


def old_sequential(*slots: Any) -> dict[str, Any]:
    """Return the network in Keras 2's form."""
    layers = [
        {"class_name": "Conv2D", "config": {"name": "conv", "batch_input_shape": [None, 8, 8, 3], "filters": 2, "kernel_size": [3, 3]}},
        *slots,
        {"class_name": "GlobalAveragePooling2D", "config": {"name": "average"}},
        {"class_name": "Dense", "config": {"name": "out", "units": 3, "activation": "linear"}},
    ]
    return {"class_name": "Sequential", "config": {"name": "net", "layers": layers}}


def old(class_name: Any, name: str = SLOT, **config: Any) -> dict[str, Any]:
    return {"class_name": class_name, "config": {"name": name, **config}}


def conv(**config: Any) -> dict[str, Any]:
    return layer("Conv2D", **({"filters": 2, "kernel_size": 3} | config))


def node(args: Any, kwargs: Any = ()) -> dict[str, Any]:
    return {"inbound_nodes": [{"args": args, "kwargs": dict(kwargs)}]}


def operation(name: str, args: Any, kwargs: Any = (), module: str = "keras.src.ops.numpy", **config: Any) -> dict[str, Any]:
    return layer(name, module=module, registered=name, more=node(args, kwargs), **config)


def old_functional(layers: Any) -> dict[str, Any]:
    """Wire layers into a chain as Keras 2 writes it; a layer that has nodes keeps them."""
    wired = copy.deepcopy(list(layers))
    for place, one in enumerate(wired):
        one["name"] = one["config"]["name"]
        one.setdefault("inbound_nodes", [[[wired[place - 1]["name"], 0, 0, {}]]] if place else [])
    ends = {"input_layers": [[wired[0]["name"], 0, 0]], "output_layers": [[wired[-1]["name"], 0, 0]]}
    return {"class_name": "Functional", "config": {"name": "net", "layers": wired, **ends}}


def old_chain(*slots: Any) -> list[Any]:
    """Return the layers of the network in Keras 2's form, its input among them."""
    return [
        {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 8, 8, 3], "dtype": "float32", "name": "image"}},
        old("Conv2D", "conv", filters=2, kernel_size=[3, 3], activation="relu", padding="valid"),
        *slots,
        old("GlobalAveragePooling2D", "average"),
        old("Dense", "out", units=3, activation="softmax"),
    ]


# Files.


def weights_bytes(edit: Callable[[h5py.File], None] | None = None, **options: Any) -> bytes:
    """Return the weights as a `.keras` archive keeps them. `options` for h5py: `libver="latest"` writes groups of the new style."""
    memory = io.BytesIO()
    with h5py.File(memory, "w", **options) as file:
        for name, value in WEIGHTS.items():
            own = {"conv": "conv2d", "out": "dense"}[name.split("/")[0]]
            file[f"layers/{own}/vars/{int(name.endswith('bias'))}"] = value
        if edit:
            edit(file)
    return memory.getvalue()


def text(config: Any) -> bytes:
    return config if isinstance(config, bytes) else json.dumps(config).encode()


def keras_file(path: Path, config: Any, weights: bytes | None = None) -> Path:
    """Write a `.keras` archive."""
    with zipfile.ZipFile(path, "w") as archive:
        metadata = {"keras_version": "3.15.0", "date_saved": "2026-01-01@00:00:00"}
        for name, data in {
            "metadata.json": text(metadata),
            "config.json": text(config),
            "model.weights.h5": weights_bytes() if weights is None else weights,
        }.items():
            archive.writestr(zipfile.ZipInfo(name), data)  # of a fixed date, so that the same files are equal
    return path


def hdf5_file(path: Path, config: Any, edit: Callable[[h5py.File], None] | None = None, **options: Any) -> Path:
    """Write a whole model as HDF5, `options` as for `weights_bytes`."""
    with h5py.File(path, "w", **options) as file:
        if config is not None:
            large_attribute(file, "model_config", text(config))
        file.attrs["keras_version"], file.attrs["backend"] = b"2.15.0", b"tensorflow"
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [b"conv", b"average", b"out"]
        for own in ("conv", "out"):
            group.create_group(own).attrs["weight_names"] = [f"{own}/kernel:0".encode(), f"{own}/bias:0".encode()]
            for part in ("kernel", "bias"):
                group[own][f"{own}/{part}:0"] = WEIGHTS[f"{own}/{part}"]
        group.create_group("average").attrs["weight_names"] = np.zeros(0, "S1")
        if edit:
            edit(file)
    return path


def large_attribute(holder: Any, name: str, value: bytes) -> None:
    """Write any bytes as a text attribute; a long one as variable-length text, which may pass 64 kB."""
    if name in holder.attrs:
        del holder.attrs[name]
    if len(value) > 60_000:
        holder.attrs.create(name, value, dtype=h5py.string_dtype("utf-8"))
    else:
        holder.attrs.create(name, np.frombuffer(value or b" ", f"S{max(len(value), 1)}")[0])


def both(name: str, make: Callable[[Bait], Any], says: str, *, may_load: bool = False) -> None:
    """Enter a config once as `.keras` and once as HDF5."""
    add(f"{name}.keras", lambda folder, bait: keras_file(folder / "model.keras", make(bait)), says, may_load)
    add(f"{name}.h5", lambda folder, bait: hdf5_file(folder / "model.h5", make(bait)), says, may_load)


def either(name: str, make: Callable[[Bait], Any], says: str, *, may_load: bool = False) -> None:
    """Enter a config as `.keras` or as HDF5, turn and turn about: where the form makes no difference."""
    if len(CASES) % 2:
        add(f"{name}.keras", lambda folder, bait: keras_file(folder / "model.keras", make(bait)), says, may_load)
    else:
        add(f"{name}.h5", lambda folder, bait: hdf5_file(folder / "model.h5", make(bait)), says, may_load)


# What must load: the same files without the attack.


def benign() -> dict[str, Callable[[Path, Bait], Path]]:
    """Return writers of files that are like the hostile ones in everything but the attack."""
    relu = layer("Activation", activation="relu")
    configs = {
        "functional": network(relu),
        "sequential": sequential(chain(relu)),
        "of_keras_2": old_sequential(old("Activation", activation="relu")),
        "operation": network(operation("Multiply", [tensor("conv"), 2.0])),
        "nested": network(sequential([relu], "inner")),
        "old_functional": old_functional(old_chain()),
        "no_slot": network(),
    }
    found: dict[str, Callable[[Path, Bait], Path]] = {}
    for name, config in configs.items():
        found[f"{name}.h5"] = lambda folder, bait, config=config: hdf5_file(folder / "model.h5", config)
        if not name.startswith(("of_keras_2", "old")):
            found[f"{name}.keras"] = lambda folder, bait, config=config: keras_file(folder / "model.keras", config)
    return found


def cases() -> dict[str, Case]:
    """Return every case, by name."""
    from models import hostile_archives, hostile_code, hostile_configs, hostile_hdf5, hostile_readers  # noqa: F401, they enter their cases

    return CASES
