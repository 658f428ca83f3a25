"""The options of all that projects: written once, for deconv, top and dossier."""

from dataclasses import replace
from typing import Annotated

from ..graph.rules import TIES, UNPOOLINGS, Ruleset
from ..graph.rulesets import BUILT_IN
from ..options import Opt
from ..results import VIEWS

_SWITCHES = Opt(
    "How to unpool: to the recorded maxima (`switches`), over the whole window (`spread`) or to its `center`.",
    choices=tuple(UNPOOLINGS),
    aliases=((True, "switches"), (False, "spread")),
    shortcuts=(("--no-switches", "spread"),),
    asked=True,
)
_TIES = Opt("Where the signal goes from equal maxima of a window: `spread` over all, or to the `first`.", choices=TIES)
SWITCHES, TIE = "switches", "spread"
Switches = Annotated[bool | str, _SWITCHES]
Ties = Annotated[str, _TIES]
# Beside `Rules` the defaults are None: a value that the user writes out is a contradiction even where it is the default.
SwitchesOrRules = Annotated[bool | str | None, replace(_SWITCHES, shown=SWITCHES)]
TiesOrRules = Annotated[str | None, replace(_TIES, shown=TIE)]
View = Annotated[
    str, Opt("Draw the signed projection, the image seen `through` its energy, both, or the plain gradient in both ways.", choices=VIEWS)
]
Contrast = Annotated[float, Opt("Percentage of a projection's values within the scale of grey.", least=50, most=100)]
Rules = Annotated[
    Ruleset | str | None,
    Opt(
        f"Use these rules instead of `--switches` and `--ties`: {', '.join(one.name for one in BUILT_IN)}, or a ruleset of your own.",
        metavar="NAME",
        recorded=False,
    ),
]
