"""A model loaded again from what a written result says of it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import ReplayError
from ..reach import permit
from .bundle import ModelBundle
from .loading import WEIGHTS, load

# What a result may say of how its model was loaded; never code.
REPLAYED = ("preprocess", "labels", "architecture", "input_shape", "inputs", "without")


def reload_model(
    recorded: Mapping[str, Any], made: str, custom: Any = (), unsafe: bool = False, model: str | Path | None = None
) -> ModelBundle:
    """Return the bundle that `bundle.identity()` recorded, in what was `made` with it ("picture", "run").

    It must be the same to the bit. What was made never names code that runs: where the model needs the user's own layers, or the code
    in its file, `custom` and `unsafe` say so again, as for `load`. `model`: where the user has it now. Raises ReplayError, ModelError.
    """
    if model is None:
        _check_kept(recorded, made)
    said = recorded["load"]
    told = {name: said[name] for name in REPLAYED if name in said}
    if said.get("custom") and not custom:
        named = " ".join(f"--custom {one}" for one in said["custom"])
        raise ReplayError(
            f"The model of this {made} needs its own code. convscope does not run code that a {made} names. If you trust it, add {named}"
        )
    if said.get("unsafe") and not unsafe:
        raise ReplayError(f"The model of this {made} runs code from its file. If you trust whoever made the file, add --unsafe")
    permit(files_of(recorded, model))
    weights = recorded["weights"] if recorded["weights"] in WEIGHTS and model is None else None
    bundle = load(recorded["source"] if model is None else model, weights=weights, custom=custom, unsafe=unsafe, **told)
    if bundle.digest != recorded["digest"]:
        raise ReplayError(
            f"The model `{bundle.source}` has changed, or is a different one: its digest is {bundle.digest}, but the {made} "
            f"was made with {recorded['digest']}. Restore the model, or name it with -m MODEL"
        )
    return replace(bundle, name=str(recorded["name"]), source=str(recorded["source"]), weights=str(recorded["weights"]))


def files_of(recorded: Mapping[str, Any], model: str | Path | None = None) -> Iterator[str]:
    """Yield the files that `bundle.identity()` recorded: the model, unless the user names one, and the files of its options."""
    said = recorded["load"]
    if model is None:
        yield from model_file(recorded)
    if isinstance(said.get("labels"), str):  # as earlier releases recorded them
        yield said["labels"]
    if str(said.get("architecture", "")).lower().endswith(".json"):
        yield said["architecture"]


def model_file(recorded: Mapping[str, Any]) -> Iterator[str]:
    """Yield the file of the model that `bundle.identity()` recorded, nothing where convscope or Keras holds it, or no network was used."""
    if recorded.get("weights") not in WEIGHTS and "source" in recorded:
        yield str(recorded["source"])


def _check_kept(recorded: Mapping[str, Any], made: str) -> None:
    """Raise ReplayError for a model that no file holds."""
    if recorded["source"] == "memory":
        raise ReplayError(
            f"The {made} was made from a model in memory, which no file holds. Save the model and make the {made} from the file."
        )
    if recorded["weights"] == "none":
        raise ReplayError(
            f"The {made} was made with random weights of `{recorded['source']}`, which are gone. Save such a model to a file "
            f"before you draw it."
        )
