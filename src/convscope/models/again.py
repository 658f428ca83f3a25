"""A model loaded again from what a written result says of it."""

from collections.abc import Mapping
from typing import Any

from ..errors import ReplayError
from .bundle import ModelBundle
from .loading import WEIGHTS, load

# What a result may say of how its model was loaded; never code.
REPLAYED = ("preprocess", "labels", "architecture", "input_shape", "inputs")


def load_again(recorded: Mapping[str, Any], made: str, custom: Any = (), unsafe: bool = False) -> ModelBundle:
    """Return the bundle that `bundle.identity()` recorded, in what was `made` with it ("picture", "run").

    It must be the same to the bit. What was made never names code that runs: where the model needs the user's own layers, or the code
    in its file, `custom` and `unsafe` say so again, as for `load`. Raises ReplayError, ModelError.
    """
    if recorded["source"] == "memory":
        raise ReplayError(
            f"The {made} was made from a model in memory, which no file holds. Save the model and make the {made} from the file."
        )
    weights = recorded["weights"] if recorded["weights"] in WEIGHTS else None
    if weights == "none":
        raise ReplayError(
            f"The {made} was made with random weights of `{recorded['source']}`, which are gone. Save such a model to a file first."
        )
    said = recorded["load"]
    told = {name: said[name] for name in REPLAYED if name in said}
    if said.get("custom") and not custom:
        named = " ".join(f"--custom {one}" for one in said["custom"])
        raise ReplayError(f"The model of this {made} needs code of its own, which is not run on a {made}'s word. If you trust it: {named}")
    if said.get("unsafe") and not unsafe:
        raise ReplayError(f"The model of this {made} runs code that its file holds. If you trust whoever made the file: --unsafe")
    bundle = load(recorded["source"], weights=weights, custom=custom, unsafe=unsafe, **told)
    if bundle.digest != recorded["digest"]:
        raise ReplayError(
            f"The model `{recorded['source']}` has changed: its digest is {bundle.digest}, the {made} was made with {recorded['digest']}. "
            "Put the same model back."
        )
    return bundle
