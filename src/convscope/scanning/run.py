"""The reader of a run: what the scan of a data set found, from its folder."""

import contextlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..digests import digest, hasher
from ..errors import ImageError, OptionError, UnitError, closest
from ..formats.names_file import NAMES
from ..formats.run_folder import MANIFEST, Contents, faults_are_damage
from ..formats.trust_file import TABLE as TRUST
from ..formats.trust_file import read_trust
from ..images import Fit, ImageSet, Seen, Source, as_image_set, entering
from ..images.sources import places_of
from ..legible import counted, told
from ..models import ModelBundle
from ..models.reload import files_of, reload_model
from ..network.features import few_features
from ..notebook import table as html_table
from ..progress import working
from ..reach import allowing, named_by, permit
from ..results import Names
from ..results.trust import UnitTrust, of_rows
from ..tables import Columns
from ..units import Unit, parse
from .accumulators import Ints
from .kept import KeptValues
from .listing import keyed
from .named import names_in
from .shown import Shown
from .unit_tables import TopUnits, UnitStatistics, WeakestUnits, statistics_of, top_of

LAYERS_KEPT = 8  # of both tables, for those who ask unit by unit
Allow = str | Path | Iterable[str | Path]


class Run(Shown):
    """The results of a scan. `path`: its folder; `manifest`: its description; `len(run)`: how many images were read.

    `layers`: the addresses of the measured layers. `classes`: the labels, in order of appearance. `complete`: whether all images were
    reached; `unreachable`: how many were not. `is_of_maxima`: whether a unit's values are its maxima over space, not those of your own
    measure. The id of an image is its number in the order in which it came into the run. Images that could not be read leave gaps.
    """

    def __init__(self, path: Path, manifest: dict[str, Any], images: ImageSet | None = None, allow: Allow = ()) -> None:
        self.path, self.manifest = path, manifest
        self.layers = tuple(one["address"] for one in manifest["layers"])
        self.classes = tuple(manifest["classes"])
        self.complete, self.unreachable = bool(manifest["complete"]), int(manifest.get("unreachable", 0))
        self.is_of_maxima = bool(manifest.get("measure", {}).get("maxima", True))
        self.fit = Fit(manifest["fit"]["channels"], (manifest["fit"]["height"], manifest["fit"]["width"]))
        self._given, self._contents = images, Contents(path, manifest)
        self._of_layer = lru_cache(LAYERS_KEPT)(self._contents.of_layer)
        self._allow = [allow] if isinstance(allow, str | Path) else list(allow)

    def __len__(self) -> int:
        return int(self.manifest["images"])

    def __repr__(self) -> str:
        units = sum(int(one["channels"]) for one in self.manifest["layers"])
        unfinished = "" if self.complete else "unfinished"
        return told(
            self,
            repr(str(self.path)),
            f"{self.model['name']} on {counted(len(self), 'image')} of {self.dataset}",
            f"{counted(units, 'unit')} of {counted(len(self.layers), 'layer')}",
            unfinished,
        )

    def _repr_html_(self) -> str:
        layers = {
            "layer": self.layers,
            "units": [self.channels(one) for one in self.layers],
            "map": [self._sides(one) for one in self.layers],
        }
        return html_table(layers, repr(self))

    _repr_part_ = _repr_html_

    def _sides(self, layer: str) -> str:
        return " x ".join(map(str, self.shape(layer)))

    @property
    def count(self) -> int:
        """How many images were read."""
        return len(self)

    @property
    def model(self) -> dict[str, Any]:
        """What the manifest says of the network: `name`, `source`, `weights`, `preprocessing`, `digest`, and `load`, what it was told."""
        return dict(self.manifest["model"])

    def input(self) -> dict[str, Any]:
        """Return what the provenance of a result records of the run it was made from: the folder, and a digest of network and images."""
        found = hasher(self.model["digest"].encode())
        for one in self.images.texts["digest"]:
            found.update(str(one).encode())
        return {"given": [str(self.path.absolute())], "count": len(self), "digest": found.hexdigest()}

    @property
    def dataset(self) -> str:
        """What the images are called: the last part of each path they were named by."""
        given = self.manifest["given"]
        if given is None:
            return "arrays"
        names = [re.split(r"[\\/]", str(one).rstrip("/\\"))[-1] or str(one) for one in given]
        return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")

    def load_model(self, *, custom: Any = (), unsafe: bool = False) -> ModelBundle:
        """Return the network that was scanned, loaded from where it was; it must be the same to the bit.

        A run never names code that is run: a model that needs it is given it again by `custom` or `unsafe`, as to `load`. Nor are files
        opened on its word that lie elsewhere: see `open_run`. Raises ReplayError, ModelError.
        """
        recorded = self.manifest["model"]
        with self._named(), faults_are_damage(self.path / MANIFEST):
            permit([*files_of(recorded), *(() if self._given is not None else places_of(self.manifest["given"] or ()))])
            with working("loading the model of the scan"):
                return reload_model(recorded, "run", custom, unsafe)

    @property
    def notes(self) -> tuple[str, ...]:
        """Return the notes on the run as a whole: that its features are few."""
        return few_features(int(self.manifest["features"]))

    @property
    def ranked(self) -> dict[str, str] | None:
        """What ranks the units of layers that are flat above, by address; None for a run that ranked them by their ceilings."""
        return self.manifest.get("ranked")

    def channels(self, layer: str) -> int:
        """Return how many units a layer has. Raises UnitError for a layer that was not measured."""
        return int(self._layer(layer)["channels"])

    def shape(self, layer: str) -> tuple[int, ...]:
        """Return the (height, width) of a layer's map, () where it has no space."""
        return tuple(self._layer(layer)["shape"])

    def top(self, layer: str, channels: Sequence[int] | None = None) -> TopUnits:
        """Return the strongest images of units as numbers; `patches` draws them.

        `layer`: a layer, of which `channels` picks units, or the address of units such as "block3_conv1:0-15". Raises UnitError.
        """
        layer, wanted = self._wanted(layer, channels)
        return top_of(self._of_layer("top", layer), layer, wanted, (self.channels(layer), int(self.manifest["top"])))

    def units(self, layer: str, channels: Sequence[int] | None = None) -> UnitStatistics:
        """Return the statistics of units, named as for `top`. Raises UnitError."""
        layer, wanted = self._wanted(layer, channels)
        return statistics_of(self._of_layer("units", layer), layer, wanted)

    def percentile(self, unit: str, value: float) -> float:
        """Return the share of images, in percent, whose maximum of `unit` ("layer:channel") lies below `value`; NaN for no images.

        Of a unit that is flat above, `value` is meant before its activation. Exact to a bin of the histogram, in which values are taken as
        evenly spread.
        """
        layer, channel = self._unit(unit)
        return float(self.units(layer, [channel]).percentiles(np.asarray([value], np.float64))[0])

    def trust(self, layer: str | None = None, channels: Sequence[int] | None = None) -> tuple[UnitTrust, ...]:
        """Return how far the pictures of units can be trusted, as far as `convscope.trust` measured it on the run as it is now.

        Units are named as for `top`, or all by None; those that were not measured are left out. Raises UnitError, ReplayError.
        """
        with self._named():
            permit([self.path / TRUST])
            table = read_trust(self.path)
        if table is None or table.run != self.digest:
            return ()
        if layer is None:
            return tuple(of_rows(table).values())
        layer, wanted = self._wanted(layer, channels)
        found = of_rows(table, layer)
        return tuple(found[unit] for channel in wanted if (unit := Unit(layer, int(channel))) in found)

    @property
    def digest(self) -> str:
        """What stands for all that the run measured: of tables made from it, which record it, it tells those of an earlier state apart."""
        said = self.manifest
        return digest(json.dumps([self.model["digest"], said.get("files"), said.get("sample"), said["precision"]], sort_keys=True).encode())

    @property
    def names(self) -> Names | None:
        """What the units fire for, as `convscope.name` left it in the folder; None where it has not. Raises ReplayError for a damaged file.

        `outdated` says that the run has changed since.
        """
        with self._named(), faults_are_damage(self.path / NAMES):
            permit([self.path / NAMES])
            return names_in(self.path, self.digest)

    @property
    def has_sample(self) -> bool:
        """Whether the run keeps the values of all units for some of its images; those of earlier releases do not."""
        return "sample" in self.manifest

    @property
    def sample_images(self) -> Ints:
        """The ids of the images of the run's sample, rising: up to 4,096, chosen by the hash of their names.

        Raises OptionError for a run without a sample.
        """
        return self._kept.sampled

    @property
    def maxima_images(self) -> Ints:
        """The ids of all images whose values of all units the run keeps, rising: of the sample, or with `keep_maxima` of every image.

        Raises OptionError for a run without a sample.
        """
        return self._kept.images

    def sample(self, layer: str, channels: Sequence[int] | None = None) -> NDArray[np.float32]:
        """Return the values of units, named as for `top`, on the images of the sample: (sample image, unit) float32.

        They are what ranks the images, to 8 significant bits. NaN and infinite values stand as they were. Raises UnitError, OptionError for
        a run without a sample.
        """
        return self._kept.values(*self._wanted(layer, channels), self.sample_images)

    def maxima(self, layer: str, channels: Sequence[int] | None = None) -> NDArray[np.float32]:
        """Return the values of units as `sample`, on all images that `maxima_images` names: (image, unit) float32."""
        return self._kept.values(*self._wanted(layer, channels), self.maxima_images)

    def weakest(self, layer: str, channels: Sequence[int] | None = None, *, count: int = 9) -> WeakestUnits:
        """Return the images that excite units least, among those that `maxima_images` names; units are named as for `top`.

        Its `ties` say which images have the same value, as most have of a unit behind a ReLU: at 0. Raises UnitError, OptionError for a run
        without a sample.
        """
        if count < 1:
            raise OptionError(f"Received a count of {count} images. Expected 1 or more.")
        return self._kept.weakest(*self._wanted(layer, channels), count)

    @cached_property
    def images(self) -> Columns:
        """The table of the images that were read: numbers `image` (ids, rising), `probability`, and the columns of a measure of one's own;
        texts `name`, `label`, `digest`, `prediction`.
        """
        return self._contents.table("images")

    @cached_property
    def ids(self) -> NDArray[np.int64]:
        """The ids of the images that were read, rising."""
        return np.asarray(self.images.numbers["image"], np.int64)

    @cached_property
    def skipped(self) -> Columns:
        """The table of the pictures that could not be read: numbers `image`, texts `name`, `reason`, `kind`.

        `kind` "unreachable": it could not be had this time, and the same scan tries it again; a folder that could not be listed has
        `image` -1.
        """
        return self._contents.table("skipped")

    @cached_property
    def features(self) -> NDArray[np.float32]:
        """The features by image id, (id, feature) float32, mapped into memory; rows of images that were not read mean nothing."""
        return self._contents.features()

    def name(self, image: int) -> str:
        """Return an image's name."""
        return str(self._text("name", image))

    def label(self, image: int) -> str | None:
        """Return an image's label, None where it has none."""
        return self._text("label", image)

    def prediction(self, image: int) -> str | None:
        """Return the class that the network takes it for, None where it does not classify."""
        return self._text("prediction", image)

    def picture(self, image: int, seen: Seen | None = None) -> NDArray[np.float32]:
        """Return exactly what entered the network, (height, width, channel) float32 in [0, 1].

        `seen` is called with the picture's own numbers, before they were cropped and scaled.

        Raises ImageError if the file has changed or is gone, and for arrays in memory that only the process of the scan had.
        """
        row = self._row(image)
        name, digest = self.images.texts["name"][row], self.images.texts["digest"][row]
        source = self._sources.get((str(name), self._repeats[row]))
        if source is None:
            raise ImageError(f"`{name}` is gone from {self.manifest['given']}. Restore it, or scan again.")
        picture, found = entering(source, self.fit, seen)
        if found.hex() != digest:
            raise ImageError(f"`{name}` has changed since it was scanned. Restore the image, or scan again.")
        return picture

    def check_pictures(self) -> None:
        """Raise ImageError if no image can be had: arrays in memory that are gone, or a folder that is."""
        _ = self._sources

    def __reduce__(self) -> Any:
        """Pickle as the folder, which another process reads again, and as the images, which this one has found."""
        return Run, (self.path.absolute(), self.manifest, self.image_set, self._allow)

    @cached_property
    def _sources(self) -> dict[tuple[str, int], Source]:
        return keyed(self.image_set.sources)

    @cached_property
    def image_set(self) -> ImageSet:
        """The images that were scanned, where they are now. Raises ImageError for arrays in memory that are gone, or a folder that is."""
        given = self._given
        if given is None and self.manifest["given"] is None:
            raise ImageError(
                f"The images of `{self.path}` were arrays in memory, and no file holds them. Pass them to open_run(…, "
                f"images=…), or scan files."
            )
        if given is None:
            with self._named():
                given = as_image_set(list(self.manifest["given"]))
        return given

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        """Let only what the run may name be opened while the `with` lasts."""
        with allowing(self._allow), named_by(f"The run `{self.path}`", self.path):
            yield

    @cached_property
    def _repeats(self) -> list[int]:
        """How many images before have the same name; of skipped ones too."""
        skipped = zip(self.skipped.numbers["image"].tolist(), self.skipped.texts["name"], strict=True)
        every = sorted([*zip(self.ids.tolist(), self.images.texts["name"], strict=True), *skipped])
        seen: Counter[str | None] = Counter()
        repeats = {}
        for image, name in every:
            repeats[image] = seen[name]
            seen[name] += 1
        return [repeats[image] for image in self.ids.tolist()]

    @cached_property
    def _kept(self) -> KeptValues:
        if not self.has_sample:
            raise OptionError(
                f"The run `{self.path}` holds no sample of values, because an earlier convscope wrote it, or its scan was interrupted. "
                "Repeat the scan command, which adds the sample."
            )
        return KeptValues(self._contents, self.images, self.skipped, {layer: self.channels(layer) for layer in self.layers})

    def _layer(self, layer: str) -> dict[str, Any]:
        found = next((one for one in self.manifest["layers"] if one["address"] == layer), None)
        if found is None:
            raise UnitError(
                f"`{layer}` was not measured in the run `{self.path}` ({len(self.layers)} layers). "
                f"{closest('its layers', layer, self.layers)} Scan it with --layers."
            )
        return dict(found)

    def _wanted(self, units: str, channels: Sequence[int] | None) -> tuple[str, NDArray[np.int64]]:
        """Return the layer and the channels that the address of a layer or of units means."""
        if channels is not None or ":" not in units or units in self.layers:
            return units, self._channels(units, channels)
        pattern = parse(units)
        if pattern.position is not None or not (pattern.channels == "all" or isinstance(pattern.channels, tuple)):
            raise UnitError(
                f"`{units}` is a position or a class. Tables of a run number whole units: write {pattern.layer}:0-3, for example."
            )
        return pattern.layer, self._channels(pattern.layer, pattern.channels if isinstance(pattern.channels, tuple) else None)

    def _channels(self, layer: str, channels: Sequence[int] | None) -> NDArray[np.int64]:
        count = self.channels(layer)
        wanted = np.arange(count) if channels is None else np.asarray(channels, np.int64).reshape(-1)
        if len(wanted) and not (wanted.min() >= 0 and wanted.max() < count):
            raise UnitError(f"`{layer}` has {count} channels, 0 to {count - 1}; received {wanted.min()} to {wanted.max()}.")
        return wanted

    def _unit(self, unit: Any) -> tuple[str, int]:
        pattern = parse(str(unit))
        if not isinstance(pattern.channels, tuple) or len(pattern.channels) != 1:
            raise UnitError(f"`{unit}` is not one unit. Expected layer:channel, such as {self.layers[0]}:0.")
        return pattern.layer, int(self._channels(pattern.layer, pattern.channels)[0])

    def _row(self, image: int) -> int:
        row = int(np.searchsorted(self.ids, image))
        if row == len(self.ids) or self.ids[row] != image:
            raise ImageError(f"The run `{self.path}` has no image {image}, or it could not be read. Ids go from 0 to {self.ids[-1]}.")
        return row

    def _text(self, column: str, image: int) -> str | None:
        return self.images.texts[column][self._row(image)]
