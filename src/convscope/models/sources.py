"""What can stand where a model can: a bundle, a file, a name, a Keras model in memory, the run of a scan, or nothing."""

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ..errors import ModelError, OptionError
from ..hints import option
from .bundle import ModelBundle
from .loading import load, load_default


@runtime_checkable
class HoldsModel(Protocol):
    """What was made with a network and can load it again, such as the run of a scan."""

    def load_model(self, *, custom: Any = (), unsafe: bool = False) -> ModelBundle:
        """Return the network; it must be the same to the bit."""


def as_bundle(model: Any, *, classes: bool = False, **options: Any) -> ModelBundle:
    """Return a ModelBundle as it is; load a path, a name, a Keras model in memory or the network of a run; for None see `load_default`.

    `options` go to `load`. Of these a run takes `custom` and `unsafe`, because it records the others. Raises ModelError, OptionError and,
    for a run, ReplayError.
    """
    if isinstance(model, ModelBundle):
        return model
    if model is None:
        return load_default(classes=classes, **options)
    if isinstance(model, HoldsModel):
        return _of_run(model, **options)
    if isinstance(model, str | Path) or hasattr(model, "layers"):
        return load(model, **options)
    raise ModelError(
        f"Received {type(model).__name__} as a model. Expected the result of convscope.load, a path, a name, or the run of a scan."
    )


def _of_run(run: HoldsModel, *, custom: Any = (), unsafe: bool = False, **more: Any) -> ModelBundle:
    for name, value in more.items():
        if value is not None and value not in ((), [], {}, ""):
            raise OptionError(f"Received {option(name, str(value))} with a run. A run records how its network is loaded. Leave it out.")
    return run.load_model(custom=custom, unsafe=unsafe)
