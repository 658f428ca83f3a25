"""`evolve`: units at each checkpoint of a training, as Figure 4 of Zeiler & Fergus 2014."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from ..ascent import ascend
from ..ascent.ascend import Side, Steps
from ..errors import ModelError, OptionError
from ..images import Fit, ImageSet, ImageStream, as_image_set, entering, stacks
from ..method import Method, provenance
from ..models import ModelBundle, as_bundle
from ..models.reload import reload_model
from ..network.entering import fit_of, require_images
from ..network.network import as_network
from ..options import Opt, Options, Theme, check_options
from ..progress import track
from ..results import FloatArray
from ..results.evolutions import Evolution, UnitLook
from ..units import Unit
from .looking import looks, whole_units

BATCH = 32
SYNTHETIC_STEPS = 64
MOST_UNITS = 64
JUMPS = "A bar between two checkpoints is a jump: another image excites the unit most from there on."


def evolve(
    checkpoints: Any,
    units: Any,
    images: Any,
    *,
    synthetic: Annotated[bool, Opt("Also climb a picture at each checkpoint, each time from the same noise.")] = False,
    steps: Steps = None,
    size: Side = None,
    theme: Theme = "light",
    earlier: Any = None,
) -> Evolution:
    """Return what units see at each checkpoint of a training: the image that excites each most, and its projection.

    - `checkpoints`: models in the order of training, as paths, names, results of `load` or Keras models. One is in memory at a time.
    - `units`: addresses; a bare layer means all its units, at most 64 in all. `images`: anything that holds images, the same for all.
    - `synthetic`: also a picture by gradient ascent at each checkpoint, from one start, so that only the weights differ. It takes 64 steps
      if `steps` does not say otherwise. `size`: as for `ascend`. `earlier`: checkpoints before these, as a picture records them.

    `.jumps` says where the strongest image of a unit is another one than before, which a picture cannot show by a smooth change. Raises
    UnitError, ImageError, ModelError. Source: Zeiler & Fergus 2014, Figure 4.

    >>> convscope.evolve(["epoch-01.keras", "epoch-05.keras"], "block2_conv1:0-7", "photos/").save("evolve.png")
    """
    options = check_options(evolve, locals())
    found = as_image_set(images)
    names: list[str] = []
    identities: list[dict[str, Any]] = []
    every: list[tuple[UnitLook, ...]] = []
    read: _Images | None = None
    wanted: tuple[Unit, ...] = ()
    bundle: ModelBundle | None = None
    total = len(earlier or ()) + len(checkpoints) if isinstance(checkpoints, list | tuple) else None
    for number, one in enumerate(track(_given(checkpoints, earlier), "looking at checkpoints", total), 1):
        bundle = as_bundle(one)
        network = as_network(bundle)
        require_images(bundle)
        here = whole_units(network, units)
        _check(here, wanted, bundle)
        wanted = here
        fit = fit_of(bundle)
        read = read if read is not None and read.fit == Fit(fit.channels, fit.size) else _Images(found, Fit(fit.channels, fit.size))
        seen = looks(network, wanted, read.batches, read.one)
        every.append(tuple(_climbed(bundle, seen, options) if options.synthetic else seen))
        names.append(_name(bundle, number))
        identities.append(bundle.identity())
    if bundle is None or read is None:
        raise OptionError("Received no checkpoint. Expected two or more models, in the order of training.")
    parameters = {"units": [str(unit) for unit in wanted]} | options.recorded() | {"earlier": identities[:-1]}
    return Evolution(
        provenance=provenance("evolve", bundle, read.inputs, parameters),
        notes=(JUMPS, *read.notes),
        theme=theme,
        units=wanted,
        checkpoints=tuple(names),
        digests=tuple(str(one["digest"]) for one in identities),
        looks=tuple(every),
        image_names=read.names,
    )


class _Images:
    """Images as they enter the network: read again for each checkpoint, so that they need not fit into memory."""

    def __init__(self, images: ImageSet, fit: Fit) -> None:
        self.images, self.fit = images, fit
        self.inputs: tuple[dict[str, Any], ...] = ()
        self.notes: tuple[str, ...] = ()
        self.names: tuple[str, ...] = ()
        self._sources: list[Any] = []

    def batches(self) -> Iterator[FloatArray]:
        """Yield all images, some at a time."""
        stream = ImageStream(self.images, self.fit)
        yield from stacks((image for image, _ in stream), BATCH)
        self._sources = list(stream.read)
        self.names = tuple(source.name for source in stream.read)
        self.inputs, self.notes = stream.inputs(), stream.notes()

    def one(self, image: int) -> FloatArray:
        """Return an image by its number."""
        return entering(self._sources[image], self.fit)[0]


def _given(checkpoints: Any, earlier: Any) -> Iterator[Any]:
    """Yield the checkpoints; those that a picture recorded come first."""
    for one in earlier or ():
        if not isinstance(one, Mapping):
            raise OptionError("`earlier` holds what a picture records of its checkpoints. Name checkpoints by their files instead.")
        yield reload_model(one, "picture")
    if isinstance(checkpoints, str | Path | ModelBundle) or not isinstance(checkpoints, Iterable):
        yield checkpoints
    else:
        yield from checkpoints


def _check(here: Any, wanted: Any, bundle: ModelBundle) -> None:
    if len(here) > MOST_UNITS:
        raise OptionError(f"Received {len(here)} units. A sheet of checkpoints holds at most {MOST_UNITS}. Take fewer.")
    if not here:
        raise OptionError("Received no unit. Expected addresses such as `block2_conv1:0-7`.")
    if wanted and here != wanted:
        raise ModelError(f"`{bundle.name}` has other units of that name than the checkpoint before it. Expected one network in training.")


def _climbed(bundle: ModelBundle, seen: list[UnitLook], options: Options) -> list[UnitLook]:
    """Return the looks with a picture by gradient ascent each, from the noise of one seed."""
    steps = options.steps or SYNTHETIC_STEPS
    made = ascend(bundle, [str(one.unit) for one in seen], steps=steps, size=options.size, seed=0, precision="float32")
    return [replace(one, synthetic=np.asarray(picture)) for one, picture in zip(seen, made.images, strict=True)]


def _name(bundle: ModelBundle, number: int) -> str:
    return bundle.name if bundle.weights == "file" else f"{number}: {bundle.name}"


METHOD = Method(
    name="evolve",
    run=evolve,
    examples=(
        "convscope evolve fashion block2_conv2:0-3 --images sample:fashion",
        "convscope evolve epoch-01.keras epoch-05.keras block2_conv1:0-7 --images photos/",
    ),
    description="CHECKPOINT is a model file, or a glob of them in the order of training. Weights-only files need --architecture.",
)
