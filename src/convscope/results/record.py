"""What every method returns is a kind of this: a plain frozen record that can be saved, shown and made again."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ..expressions import Objective
from ..formats import picture
from ..legible import told
from ..notebook import figure
from ..options import Theme, check_options
from ..tables import Tabular
from ..units import Unit, lesion_note
from ..writing import writer

INTERRUPTED = "Interrupted. The results so far were written."
FloatArray = NDArray[np.float32]


def plain(value: float) -> float | None:
    """Return a number as JSON has it: one that is not finite has no name there, and is None."""
    return float(value) if np.isfinite(value) else None


def bands_note(bands: int) -> str:
    """Return a sentence that says which of so many bands a picture shows, nothing where it shows all."""
    if bands == 2:
        return "The picture shows the mean of the 2 bands."
    return f"The picture shows the first three of {bands} bands as red, green and blue." if bands > 3 else ""


@dataclass(frozen=True, repr=False)
class Provenance:
    """Everything needed to make a result again.

    `model` says how to load the network and its digest; `inputs` lists the images with their digests; `parameters` are the
    method's arguments, ready to be handed to it again; `versions` and `backend` tell what computed it.
    """

    method: str
    model: dict[str, Any]
    inputs: tuple[dict[str, Any], ...]
    parameters: dict[str, Any]
    seed: int | None
    backend: dict[str, str]
    versions: dict[str, str]

    def __repr__(self) -> str:
        return told(self, self.method, f"of {self.model.get('name', '')!r}", f"seed {self.seed}" if self.seed is not None else "")

    def as_json(self, **more: Any) -> str:
        """Return the provenance as sorted JSON, with `more` top-level entries."""
        return picture.as_text(dataclasses.asdict(self) | more)


@dataclass(frozen=True, kw_only=True, repr=False)
class Result(Tabular):
    """Base of the records. `notes` are sentences that belong under the picture; `interrupted` says Ctrl-C ended it early.

    `theme`: "light" or "dark", how the pictures are drawn. `class_names` names the output units among the units, by address. `raw`: the
    arrays to write on request; `beside`: files that are written into a folder, but not beside a single .png.
    """

    provenance: Provenance
    notes: tuple[str, ...] = ()
    interrupted: bool = False
    class_names: Mapping[str, str] = field(default_factory=dict)
    theme: str = "light"

    raw: ClassVar[tuple[str, ...]] = ()
    beside: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        """Keep the one line of `__repr__`: a dataclass would write out every array instead."""
        super().__init_subclass__(**options)
        if "__repr__" not in vars(cls):
            cls.__repr__ = Result.__repr__  # type: ignore[method-assign]

    def __repr__(self) -> str:
        return told(self, *self.facts(), "interrupted" if self.interrupted else "")

    def __post_init__(self) -> None:
        """Say which units were silenced, and which bands its pictures show, where these are not grey and not red, green and blue."""
        without = self.provenance.model.get("load", {}).get("without")
        said = [lesion_note(without) if without else "", bands_note(self.bands)]
        new = tuple(one for one in said if one and one not in self.notes)
        if new:
            object.__setattr__(self, "notes", (*self.notes, *new))

    @property
    def bands(self) -> int:
        """How many bands the pictures have of which it shows some."""
        return 1

    def facts(self) -> tuple[str, ...]:
        """Return what `repr` says of the result: a few words each, of what, in which network, on how much."""
        return (f"of {self.network_name!r}",)

    @property
    def network_name(self) -> str:
        """What the network is called."""
        return str(self.provenance.model.get("name", ""))

    def legend(self, unit: Unit | Objective) -> str:
        """Return what to call a unit in a picture: its address, and its class where it is an output."""
        name = self.class_names.get(str(unit))
        return f"{unit} ({name})" if name else str(unit)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name, as `--raw` writes them."""
        return {name: np.asarray(getattr(self, name)) for name in self.raw}

    def summary(self) -> dict[str, Any]:
        """Return the numbers of the result as plain JSON values, as `--json` prints them."""
        return {}

    def as_columns(self) -> Mapping[str, Any]:
        """Return the numbers of the result as columns, for `to_table` and `to_frame`; none, unless its kind says which."""
        return {}

    def listing(self) -> Mapping[str, Any]:
        """Return the columns of a table for the terminal, as `as_columns`; none for a result that its picture tells."""
        return {}

    def remarks(self) -> tuple[str, ...]:
        """Return sentences for the terminal that belong on no picture, because they differ from run to run."""
        return ()

    def tidy(self, written: Sequence[Path]) -> None:
        """Remove what an earlier result left among the files that were `written`, where it would be taken for this one's."""

    def drawn(self, *, theme: Theme = "light") -> Self:
        """Return the same result, drawn so; its provenance records it. Raises OptionError."""
        options = check_options(Result.drawn, {"theme": theme}).recorded()
        parameters = self.provenance.parameters | options
        return dataclasses.replace(self, provenance=dataclasses.replace(self.provenance, parameters=parameters), **options)

    def save(self, path: str | Path, *, raw: bool = False, theme: str | None = None) -> list[Path]:
        """Write the picture to `path` (a .png, or .svg or .pdf for print), or all pictures into it (a folder); return what was written.

        Each picture carries its provenance and has a JSON sidecar; `raw` also writes the arrays as .npz. `theme`: "light" or "dark", if not
        as the result was made. Files are written whole or not at all. Raises OutputError, OptionError.
        """
        if theme is not None:
            return self.drawn(theme=theme).save(path, raw=raw)
        written = writer().write(self, Path(path), raw=raw)
        self.tidy(written)
        return written

    def picture(self) -> Any:
        """Return the main picture as a PIL image."""
        return writer().main_picture(self)

    def show(self) -> None:
        """Open the main picture: in a notebook below the cell, elsewhere in the system's viewer."""
        writer().show(self)

    def _repr_png_(self) -> bytes:
        return writer().png_bytes(self)

    def _repr_part_(self) -> str:
        return figure(self._repr_png_(), repr(self))
