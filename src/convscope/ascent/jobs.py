"""Large requests: whole layers, climbed chunk by chunk. Each chunk is written as soon as it is done, and an interrupted request resumes."""

import contextlib
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from .. import progress
from ..engines import USUAL, Engine, engine_of, using
from ..errors import OutputError
from ..expressions import Objective
from ..formats.picture import read_pixels
from ..legible import counted, few, told
from ..method import Method, Pieces, Written
from ..models import names_classes
from ..network.entering import require_images
from ..network.listing import matching
from ..network.network import as_network
from ..network.targets import Target, as_targets, recorded_as
from ..options import ENGINE, Opt, check_options
from ..results import Ascent, Provenance, picture_names
from ..units import LAYER_GRAMMAR, Unit, plain_name
from ..writing import is_picture, writer
from .ascend import ascend, ascended, canvas_for, climber_of, record_of, recorded, settle
from .climb import Climbed, Climber, batches, by_form
from .handed import climbed_by
from .run import Watch, counting

UNITS_ON_A_SHEET = 64
MOST_EARLY = 64  # records of chunks that an engine finished before their turn
SHEET = "sheet.png"


@dataclass(frozen=True)
class Chunk:
    """Units of one layer that climb together: what is computed, written and, after a kill, found again as a whole."""

    units: tuple[Target, ...]
    folder: Path
    copies: int = 1

    @property
    def pictured(self) -> tuple[Target, ...]:
        """The unit of each picture: every one as often as it has copies."""
        return tuple(unit for unit in self.units for _ in range(self.copies))

    def places(self) -> dict[str, Path]:
        """Return the path of each picture, by its name."""
        return {name: self.folder / name for name in picture_names(self.pictured)}

    @property
    def raw(self) -> Path:
        """The path of the chunk's arrays."""
        return self.folder / f"{self.units[0].slug}.npz"


class AscentJob:
    """The pictures of many units, a chunk at a time: memory does not grow with the request.

    Iterate over it for the records, or `save` it into a folder. Chunks depend on the request alone, so a job that is started again
    makes the same ones, byte for byte.
    """

    def __init__(self, climber: Climber, units: Sequence[Target], engine: str | Engine | None = None) -> None:
        self.engine = engine
        self.climber, self.settings, self.units = climber, climber.settings, tuple(units)
        self._layers: dict[str, list[Target]] = {}
        for unit in units:
            self._layers.setdefault(unit.layer, []).append(unit)

    def __repr__(self) -> str:
        return told(self, few(self.units), counted(len(self), "chunk"))

    def __len__(self) -> int:
        """Return the number of chunks."""
        return len(self._chunks(Path()))

    def __iter__(self) -> Iterator[Ascent]:
        """Climb chunk by chunk and yield their records; Ctrl-C ends with a record of what the last one reached."""
        for chunk in self._chunks(Path()):
            record = ascended(self.climber, chunk.units)
            yield record
            if record.interrupted:
                return

    @property
    def is_large(self) -> bool:
        """Say whether some layer needs several chunks."""
        return len(self) > len(by_form(unit for units in self._layers.values() for unit in units))

    def whole(self, watch: Watch | None = None) -> Ascent:
        """Return the record of all units at once; `watch` is told of each step, in place of a progress bar."""
        return ascended(self.climber, self.units, watch)

    def save(self, folder: str | Path, *, raw: bool = False) -> list[Path]:
        """Write all pictures and sheets into `folder`, as `written` does, and return their paths."""
        return [path for written in self.written(folder, raw=raw) for path in written.paths]

    def written(self, folder: str | Path, *, raw: bool = False) -> Iterator[Written]:
        """Write each chunk's pictures as soon as they are done, and after each few chunks of a layer their sheet; yield what is written.

        Several layers get a folder each. Pictures that an earlier run wrote are left as they are, where their provenance says that the
        same network, unit, settings, seed, backend and release made them; after any change they are made again. Ctrl-C leaves what is
        written. Raises OutputError.
        """
        folder = Path(folder)
        if is_picture(folder):
            raise OutputError(f"A large request makes many pictures. Expected a folder, received `{folder}`.")
        chunks = self._chunks(folder)
        waiting = [chunk for chunk in chunks if not self._is_written(chunk, raw=raw)]
        new, early = {chunk.units for chunk in waiting}, dict[tuple[Target, ...], Ascent | None]()
        with contextlib.closing(self._climbed(waiting)) as climbed:
            for path, together in _sheets(chunks):
                records: dict[tuple[Target, ...], Ascent] = {}
                for chunk in together:
                    while chunk.units in new and chunk.units not in early:
                        done, record = next(climbed)
                        writer().write_chosen(record, done.places(), raw=done.raw if raw else None)
                        early[done.units] = record if len(early) < MOST_EARLY else None  # a sheet reads what is not kept
                    if (kept := early.pop(chunk.units, None)) is not None:
                        records[chunk.units] = kept
                    yield Written(tuple(chunk.places().values()), chunk.units in new, units=recorded_as(chunk.units))
                if sum(len(chunk.units) for chunk in together) > 1:
                    yield self._sheet(path, together, records)

    def _climbed(self, chunks: Sequence[Chunk]) -> Generator[tuple[Chunk, Ascent]]:
        """Yield chunks and their records: one after the other here, or as the workers of an engine finish them."""
        if self.engine is None or not chunks:
            watch = counting(len(chunks) * self.climber.most_steps(chunks[0].units)) if chunks else None
            for chunk in chunks:
                record = ascended(self.climber, chunk.units, watch)
                if record.interrupted:
                    raise KeyboardInterrupt
                yield chunk, record
            return
        with using(self.engine) as engine, progress.counting("ascending", len(chunks)) as tell:
            for number, climbed in climbed_by(engine, self.climber, self.units, [chunk.units for chunk in chunks]):
                if climbed.interrupted:
                    raise KeyboardInterrupt
                yield chunks[number], record_of(self.climber, chunks[number].units, climbed)
                tell(1)

    def _sheet(self, path: Path, chunks: Sequence[Chunk], records: Mapping[tuple[Target, ...], Ascent]) -> Written:
        units = tuple(unit for chunk in chunks for unit in chunk.units)
        together: Ascent | None = None
        new = bool(records) or not writer().is_written(self._provenance(units), SHEET, path)
        if new:
            parts = [records.get(chunk.units) or self._read(chunk) for chunk in chunks]
            together = replace(
                parts[0],
                provenance=self._provenance(units),
                notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
                class_names={name: words for part in parts for name, words in part.class_names.items()},
                units=tuple(unit for part in parts for unit in part.units),
                images=np.concatenate([part.images for part in parts]),
                scores=np.concatenate([part.scores for part in parts]),
                margins=np.concatenate([part.margins for part in parts]),
                values=np.concatenate([part.values for part in parts]),
                real=None if parts[0].real is None else np.concatenate([part.real for part in parts if part.real is not None]),
                courses=np.zeros((0, sum(len(part.units) for part in parts)), dtype=np.float32),
                frames=(),
            )
            writer().write_chosen(together, {SHEET: path})
        return Written((path,), new, together, recorded_as(units), sheet=True)

    def _read(self, chunk: Chunk) -> Ascent:
        """Return the record of a chunk that is written already; its scores are the network's on the written pictures."""
        images = np.stack([read_pixels(path) for path in chunk.places().values()])
        if images.shape[-1] != self.climber.network.bundle.channels:  # a PNG has no such number of channels
            return ascended(self.climber, chunk.units)
        none = np.zeros((0, len(images)), dtype=np.float32)
        scores, margins = self.climber.scores(chunk.pictured, images)
        return record_of(self.climber, chunk.units, Climbed(chunk.pictured, images, scores, margins, none, (), 0))

    def _chunks(self, folder: Path) -> list[Chunk]:
        chunks: list[Chunk] = []
        names = _folder_names(self._layers)
        for layer, units in self._layers.items():
            place = folder / names[layer] if len(self._layers) > 1 else folder
            canvas, copies = canvas_for(self.climber, units), self.settings.diversity
            chunks.extend(Chunk(tuple(batch), place, copies) for batch in batches(units, canvas, copies))
        return chunks

    def _is_written(self, chunk: Chunk, *, raw: bool) -> bool:
        provenance = self._provenance(chunk.units)
        others = [chunk.raw] if raw else []
        if self.settings.every:
            others.extend(path.with_suffix(".gif") for path in chunk.places().values())
        pictures = chunk.places().items()
        return all(path.is_file() for path in others) and all(
            writer().is_written(provenance, name, path, plain=True) for name, path in pictures
        )

    def _provenance(self, units: Sequence[Target]) -> Provenance:
        return recorded(self.climber, units)


def ascend_all(
    model: Any, units: Any = (), *, layers: str | Sequence[str] | None = None, engine: str | Engine | None = None, **options: Any
) -> AscentJob:
    """Return the job that makes the pictures of many units, one chunk at a time. It computes nothing until you iterate over it or save it.

    `layers`: "all" that learn, "convolutions", or a pattern over layer addresses, with all channels of each. Or `units`, as for `ascend`,
    with its other options. Iterate over the job for one record per chunk, or save it. If it is interrupted, saving it again resumes.
    `engine`: who climbs when it is saved, as for `scan`; each worker climbs for whole chunks.

    >>> convscope.ascend_all(model, layers="block[45]_conv*").save("units/")
    """
    decided = settle(check_options(ascend, options))
    if isinstance(engine, str):
        engine_of(engine)  # a name that means none is said now
    network = as_network(model, classes=names_classes(units))
    require_images(network.bundle)
    named = [] if layers is None else [f"{layer.address}:all" for layer in matching(network, layers)]
    asked = [*named, *([units] if isinstance(units, str | Unit | Objective) else units)]
    targets = as_targets(network, asked, start=decided.start is not None)
    return AscentJob(climber_of(network, targets, decided), targets, engine)


def pieces(
    model: Any,
    units: Any,
    *,
    layers: Annotated[str | Sequence[str] | None, Opt(f"Every unit of these layers: {LAYER_GRAMMAR}.", metavar="PATTERN")] = None,
    engine: Annotated[
        Any | str | None,
        Opt(
            "Who climbs for many units: `local`, `processes:N`, `ray` or `ray:N` (docs/cluster.md).",
            metavar="ENGINE",
            shown=USUAL,
            names=ENGINE,
            recorded=False,
        ),
    ] = None,
    **options: Any,
) -> Pieces:
    """Return how a request is made: chunk by chunk where it is large, whole layers by pattern or more units than climb together."""
    job = ascend_all(model, units, layers=layers, engine=engine, **options)
    one = len(job.units) == 1 and job.settings.diversity == 1
    if layers is None and engine is None and (job.settings.stop is not None or not job.is_large):  # what was interrupted was one result
        return Pieces(whole=job.whole, watched=one)
    return Pieces(whole=job.whole if layers is None else None, write=job.written)


def _sheets(chunks: Iterable[Chunk]) -> Iterator[tuple[Path, list[Chunk]]]:
    """Yield for each sheet its path and its chunks, whole ones of one folder; a folder's only sheet has no number."""
    by_folder: dict[Path, list[list[Chunk]]] = {}
    for chunk in chunks:
        sheets = by_folder.setdefault(chunk.folder, [[]])
        if sheets[-1] and sum(len(one.units) for one in [*sheets[-1], chunk]) > UNITS_ON_A_SHEET:
            sheets.append([])
        sheets[-1].append(chunk)
    for folder, sheets in by_folder.items():
        for number, together in enumerate(sheets, 1):
            yield folder / (SHEET if len(sheets) == 1 else f"sheet-{number}.png"), together


def _folder_names(layers: Iterable[str]) -> dict[str, str]:
    """Return a folder for each layer; addresses that only case or a slash tells apart get different ones, too."""
    names: dict[str, str] = {}
    for layer in layers:
        slug = name = plain_name(layer)
        count = 2
        while name.casefold() in {taken.casefold() for taken in names.values()}:
            name, count = f"{slug}-{count}", count + 1
        names[layer] = name
    return names


METHOD = Method(
    name="ascend",
    run=ascend,
    divide=pieces,
    explain=lambda network: "values before each activation, where one exists",
    examples=(
        "convscope ascend block4_conv2:17",
        "convscope ascend block5_conv3:0-7 --steps 256 -o pictures/",
        "convscope ascend block4_conv2:all -o block4/        # run it again to resume",
        "convscope ascend block5_conv3:7 --every 4           # also block5_conv3-7.gif, the course of the picture",
        "convscope ascend --layers 'block[45]_conv*' -o units/",
        "convscope ascend 'block4_conv2:17 - block4_conv2:20'",
        "convscope ascend block4_conv2:17 --diversity 4",
        "convscope ascend block5_conv1 --start sample:temple  # DeepDream",
        "convscope ascend block5_conv3:0-7 --real photos/",
    ),
)
