"""What can stand where a model can: a bundle, a file, a name, a Keras model in memory, the run of a scan, or nothing."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ..errors import ModelError, OptionError
from ..files import as_path
from ..formats.run_folder import MANIFEST, faults_are_damage, is_run_folder, read_manifest
from ..hints import option
from ..reach import allowing, is_open, is_within_reach, named_by, user_path
from . import applications
from .bundle import ModelBundle
from .loading import EMBEDDED, load, load_default
from .reload import model_file, reload_model


@runtime_checkable
class HoldsModel(Protocol):
    """What was made with a network and can load it again, such as the run of a scan."""

    def load_model(self, *, custom: Any = (), unsafe: bool = False) -> ModelBundle:
        """Return the network; it must be the same to the bit."""


def as_bundle(model: Any, *, classes: bool = False, **options: Any) -> ModelBundle:
    """Return a ModelBundle as it is; load a path, a name, a Keras model in memory or the network of a run; for None see `load_default`.

    `options` go to `load`. Of these a run, or its folder, takes `custom`, `unsafe` and `without`, because it records the
    others. Raises ModelError, OptionError and, for a run, ReplayError.
    """
    if isinstance(model, ModelBundle):
        return model
    if model is None:
        return load_default(classes=classes, **options)
    if isinstance(model, HoldsModel):
        return model.load_model(**_of_a_run(options)).lesioned(options.get("without", ()))
    if isinstance(model, str | Path) and is_run(model):
        return _scanned(user_path(model), **_of_a_run(options)).lesioned(options.get("without", ()))
    if isinstance(model, str | Path) or hasattr(model, "layers"):
        return load(model, **options)
    raise ModelError(
        f"Received {type(model).__name__} as a model. Expected the result of convscope.load, a path, a name, or the run of a scan."
    )


def is_run(path: str | Path) -> bool:
    """Say whether what stands for a model is the folder of a run, even an unfinished or damaged one: its reader says so.

    The name of a model is not.
    """
    named = str(path).lower() in EMBEDDED or applications.find(str(path)) is not None
    return not named and is_within_reach(path) and is_run_folder(as_path(path))


def _of_a_run(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those options that a run takes. Raises OptionError for one that it records."""
    for name, value in options.items():
        if name not in ("custom", "unsafe", "without") and value is not None and value not in ((), [], {}, ""):
            words = option(name, str(value)) if isinstance(value, str | Path) else f"`{name}`"
            raise OptionError(f"Received {words} with a run. A run records how its network is loaded. Leave it out.")
    return {name: options[name] for name in ("custom", "unsafe") if name in options}


def _scanned(folder: Path, *, custom: Any = (), unsafe: bool = False) -> ModelBundle:
    """Return the network that a run's folder names. As `Run.load_model`, but nothing else of the run is read."""
    with faults_are_damage(folder / MANIFEST):
        recorded = read_manifest(folder)["model"]
        with allowing(model_file(recorded) if is_open() else ()), named_by(f"The run `{folder}`", folder):
            bundle = reload_model(recorded, "run", custom, unsafe)
    return replace(bundle, notes=(f"`{folder}` is a run: this is {bundle.name}, the network that was scanned", *bundle.notes))
