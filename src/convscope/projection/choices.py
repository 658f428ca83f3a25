"""The options of all that projects: written once, for deconv, top and dossier."""

from typing import Annotated

from ..graph.rules import TIES, UNPOOLINGS
from ..options import Opt
from ..results import VIEWS

Switches = Annotated[
    bool | str,
    Opt(
        "How to unpool: by switches, or without them: `spread` over the window or to its `center`.",
        choices=tuple(UNPOOLINGS),
        aliases=((True, "switches"), (False, "spread")),
        shortcuts=(("--no-switches", "spread"),),
        asked=True,
    ),
]
Ties = Annotated[str, Opt("Where equal maxima of a window send the signal.", choices=TIES)]
View = Annotated[
    str, Opt("Draw the signed projection, the picture seen `through` its energy, both, or both of the plain gradient.", choices=VIEWS)
]
Contrast = Annotated[float, Opt("Percentage of a projection's values that lie within the scale of grey.", least=50, most=100)]
