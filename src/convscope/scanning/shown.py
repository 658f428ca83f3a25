"""What a run shows of its units: the functions of the room above, called by name, with this run as their first argument."""

from typing import Any

from ..registry import PORTRAITS
from ..results import CONTRAST, Connections, Dossier, TopPatches


class Shown:
    """The part of a run that draws. The options are those of `convscope.top`, `dossier` and `connections`."""

    def patches(
        self,
        units: Any,
        *,
        switches: bool | str = "switches",
        ties: str = "spread",
        view: str = "projection",
        contrast: float = CONTRAST,
        theme: str = "light",
    ) -> TopPatches:
        """Return the strongest images of units as pictures: `convscope.top(run, units)`.

        >>> run.patches("block3_conv1:0-15").save("top.png")
        """
        options = {"switches": switches, "ties": ties, "view": view, "contrast": contrast, "theme": theme}
        made: TopPatches = PORTRAITS.get("top")(self, units, **options)
        return made

    def dossier(
        self,
        unit: Any,
        *,
        steps: int | None = None,
        size: int | None = None,
        seed: int = 0,
        precision: str = "auto",
        ties: str = "spread",
        contrast: float = CONTRAST,
        theme: str = "light",
        stop: int | None = None,
    ) -> Dossier:
        """Return all that is known of one unit: `convscope.dossier(run, unit)`.

        >>> run.dossier("block3_conv1:5").save("dossier/")
        """
        climbing = {"steps": steps, "size": size, "seed": seed, "precision": precision, "stop": stop}
        made: Dossier = PORTRAITS.get("dossier")(self, unit, ties=ties, contrast=contrast, theme=theme, **climbing)
        return made

    def connections(self, units: Any, *, count: int = 5) -> Connections:
        """Return what units are made of, weighed by this run: `convscope.connections(run, units)`."""
        made: Connections = PORTRAITS.get("connections")(self, units, count=count)
        return made
