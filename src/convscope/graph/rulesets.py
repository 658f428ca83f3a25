"""Rulesets with a name: those that are built in, and those that others add. `deconv --rules NAME` takes one."""

from dataclasses import replace

from ..errors import OptionError
from ..registry import Registry
from .kinds import ACTIVATIONS, Kind
from .relevance import AlphaBeta, Epsilon, Flat, GatedEpsilon
from .rules import GRADIENT, GUIDED, UNPOOLINGS, PassThrough, Rule, Ruleset, SwitchUnpool, Where, deconvnet, is_first

RULESETS: Registry[Ruleset] = Registry("ruleset", group="convscope.rulesets")
NORMALIZED = "normalizations hand their relevance on unchanged"
# Whatever changes only the size of values at a place, or their kind, hands relevance on.
_UNCHANGED = tuple(kind for kind in Kind if kind in ACTIVATIONS or kind is Kind.IDENTITY)
_SHARING = (Kind.AVERAGE_POOL, Kind.GLOBAL_POOL, Kind.UPSAMPLING, Kind.MERGE, Kind.OTHER)


def relevance(name: str, convolution: Rule) -> Ruleset:
    """Return layer-wise relevance propagation with a rule for convolutions, `Flat` for a first layer and `Epsilon` for dense ones.

    Such composites draw less noise than one rule for all layers (Kohlbrenner et al. 2020).
    """
    rules: tuple[tuple[Where, Rule], ...] = (
        (is_first, Flat()),
        (Kind.CONVOLUTION, convolution),
        (Kind.TRANSPOSED, convolution),
        (Kind.DENSE, Epsilon()),
        (Kind.MAX_POOL, SwitchUnpool()),
        (Kind.MULTIPLY, GatedEpsilon()),
        (Kind.NORMALIZATION, PassThrough(NORMALIZED)),
        (Kind.CONTRAST, PassThrough(NORMALIZED)),
    )
    return Ruleset(name, (*rules, *((kind, PassThrough(None)) for kind in _UNCHANGED), *((kind, Epsilon()) for kind in _SHARING)))


def as_ruleset(ruleset: Ruleset | str) -> Ruleset:
    """Return a ruleset, or the one that has the name; raise OptionError for an unknown name, or for a name that is another's."""
    if isinstance(ruleset, str):
        return replace(RULESETS.get(ruleset), name=ruleset)  # a plug-in may call its own otherwise, and replay asks by this name
    if not isinstance(ruleset, Ruleset):
        raise OptionError(f"Received {type(ruleset).__name__} as a ruleset. Expected a Ruleset, or one of {', '.join(RULESETS)}.")
    if ruleset.name in RULESETS and RULESETS.get(ruleset.name) != ruleset:
        raise OptionError(f"Received a ruleset named `{ruleset.name}`, which is the name of another one. Choose another name for yours.")
    return ruleset


BUILT_IN = (
    *map(deconvnet, UNPOOLINGS),
    deconvnet(ties="first"),
    GRADIENT,
    GUIDED,
    relevance("lrp-epsilon-plus-flat", AlphaBeta()),
    relevance("lrp-epsilon-alpha2-beta1-flat", AlphaBeta(2.0, 1.0)),
)
for _built_in in BUILT_IN:
    RULESETS.register(_built_in.name, _built_in)
