"""How much is measured: all of it for a few units; for a layer as a whole what a layer can be measured by in a minute or two."""

from dataclasses import dataclass

# Up to so many units of a layer are each measured for themselves.
FEW = 16
UNIT, LAYER = "unit", "layer"
RANDOM_IMAGES = 10


@dataclass(frozen=True)
class Effort:
    """`name`: "unit" or "layer". `images`: the strongest images of the path check. `places`: how many of them units are projected from.

    `projected`: of how many units of a layer projections are measured, spread over its channels; None for all that are asked for.
    `others`: units that each is compared with. `together`: units in a chunk, after which the table is written.
    """

    name: str
    images: int
    places: int
    projected: int | None
    others: int
    together: int


# What a projection shows of its unit differs little between the units of a layer, and costs most: a sample of them tells it.
EFFORTS = {UNIT: Effort(UNIT, 9, 3, None, 10, 4), LAYER: Effort(LAYER, 3, 1, 8, 4, 64)}


@dataclass(frozen=True)
class Settings:
    """What a row of the table is measured by: the `effort`, how the `synthetic` picture is made, the `seed` of all that chance decides."""

    effort: Effort
    synthetic: str
    seed: int = 0
