"""Saliency: which pixels matter to a unit's score, by nine methods, and which of their maps to believe."""

import warnings
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypedDict, Unpack, overload

from ..attribution.baselines import BASELINES
from ..errors import OptionError
from ..method import Method
from ..models import names_classes
from ..network.entering import batch_for, require_images
from ..network.features import scores_layer
from ..network.network import Network, as_network
from ..network.targets import as_targets
from ..options import Opt, Options, Stop, Theme, check_options, options_of
from ..results import SALIENCIES, ComparedMaps, Saliency
from .mapping import CAMS, Look, compared, looked

ALL = "all"
# Which methods read an option: beside another it would change nothing, and the user would not know. `seed` may stand beside all: at a
# prompt it is set once for every command.
READERS = {
    "layer": CAMS,
    "baseline": ("integrated", "occlusion"),
    "samples": ("smooth",),
    "noise": ("smooth",),
    "points": ("integrated",),
    "patch": ("occlusion",),
    "stride": ("occlusion",),
}


class _Options(TypedDict, total=False):
    """The options of `saliency` beside the method, for checkers."""

    layer: str | None
    baseline: str | None
    samples: int
    noise: float
    seed: int
    points: int
    patch: int | None
    stride: int | None
    guided: bool | None
    theme: str
    stop: int | None


@overload
def saliency(model: Any, units: Any, images: Any, *, method: Literal["all"], **options: Unpack[_Options]) -> ComparedMaps: ...


@overload
def saliency(model: Any, units: Any, images: Any, *, method: str = ..., **options: Unpack[_Options]) -> Saliency: ...


def saliency(
    model: Any,
    units: Any,
    images: Any,
    *,
    method: Annotated[
        str,
        Opt(
            "How pixels are weighed; `all` compares the maps.",
            choices=(*SALIENCIES, ALL),
            shortcuts=(("--guided", "guided"),),
            asked=True,
        ),
    ] = "gradient",
    layer: Annotated[
        str | None, Opt("Layer whose maps gradcam, gradcam++ and layercam weigh.", metavar="LAYER", shown="last convolution")
    ] = None,
    baseline: Annotated[
        str | None,
        Opt("Where integrated starts, and what covers in occlusion.", choices=tuple(BASELINES), shown="black; grey for occlusion"),
    ] = None,
    samples: Annotated[int, Opt("Noisy images that smooth averages over.", least=1, most=10_000)] = 50,
    noise: Annotated[float, Opt("Deviation of that noise, as a share of the image's range.", above=0, most=10)] = 0.15,
    seed: Annotated[int, Opt("Seed of that noise.", least=0)] = 0,
    points: Annotated[int, Opt("The most points of an integrated gradient.", least=1, most=100_000)] = 256,
    patch: Annotated[
        int | None, Opt("Side of what covers in occlusion, in pixels.", least=1, shown="a fifth of the receptive field")
    ] = None,
    stride: Annotated[int | None, Opt("Pixels from one covered place to the next.", least=1, shown="a third of the patch")] = None,
    guided: bool | None = None,  # deprecated; on the command line it is a shortcut of the method
    theme: Theme = "light",
    stop: Stop = None,
) -> Saliency | ComparedMaps:
    """Return which pixels of each image matter to the score of units, or of expressions of several such as
    "predictions:cat - predictions:dog".

    The score is the unit's value; of a map, its value where the image excites it most, and at that place whatever a method makes of the
    image. It is measured before the softmax of a class, and before a flat activation (ReLU6, sigmoid, tanh). `method`:

    - `gradient`: the slope by the pixels (Simonyan et al. 2013). `guided`: also rectified at every ReLU (Springenberg et al. 2014).
    - `input`: the slope times the image, black being 0 (Shrikumar et al. 2016). `integrated`: summed along the way from a `baseline`, black
      by default, at up to `points` points until the sum is the difference of the scores to 1 % (Sundararajan et al. 2017).
    - `smooth`: the mean slope of `samples` images with `noise` from `seed` (Smilkov et al. 2017).
    - `gradcam`, `gradcam++`, `layercam`: the maps of a `layer`, by default the last convolution, weighed by slopes (Selvaraju et al. 2017,
      Chattopadhay et al. 2018, Jiang et al. 2021), stretched over the image.
    - `occlusion`: how much the score falls where a `patch` of the `baseline`, grey by default, covers the image, every `stride` pixels
      (Zeiler & Fergus 2014).
    - `all`: the maps of all of them for one unit, with the areas below their deletion and insertion curves (Petsiuk et al. 2018).

    `theme`: "light" or "dark". `stop`: end after this many images; an interrupted result records it.

    `.maps` is (image, height, width) float32; `.pixels` is (image, height, width, channel), signed, RGB order, of the first five methods.
    Of several units both have an axis (unit,) behind the first. Gradients are on the scale of the network's input, attributions (`input`,
    `integrated`, `occlusion`) on that of the score. Raises UnitError, ImageError, OptionError.

    >>> convscope.saliency(model, "predictions:3", "cat.jpg", method="gradcam").show()
    """
    if guided is not None:
        warnings.warn('`guided=True` is now `method="guided"`.', DeprecationWarning, stacklevel=2)
        method = "guided" if guided else method
    options = _settled(check_options(saliency, locals()))
    network = as_network(model, classes=names_classes(units))
    require_images(network.bundle)
    targets = as_targets(network, units, layers="")
    look = Look(network, targets, options)
    look = look.on(batch_for(network.bundle, images, look.calls))
    return compared(look) if options.method == ALL else looked(look)


def _settled(options: Options) -> Options:
    """Return the options; raise OptionError for one that the method does not read."""
    defaults = {option.name: option.default for option in options_of(saliency)}
    for name, readers in READERS.items():
        if options.method not in (*readers, ALL) and getattr(options, name) != defaults[name]:
            raise OptionError(
                f"`{name}` is an option of {', '.join(readers)}, but the method is `{options.method}`. Leave one of them out."
            )
    return options


def _in_todays_words(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recorded parameters of a picture; earlier ones have one `unit`, and say whether it is `guided`."""
    now = dict(parameters)
    if "unit" in now:
        now["units"] = [now.pop("unit")]
    if "guided" in now:
        now["method"] = "guided" if now.pop("guided") else "gradient"
    return now


def _explanation(network: Network) -> str:
    """Return what it shows of a network."""
    scores = scores_layer(network.graph)
    return f"scores of `{scores}`, before any softmax" if scores else "values of the unit that is named"


METHOD = Method(
    name="saliency",
    run=saliency,
    explain=_explanation,
    in_todays_words=_in_todays_words,
    examples=(
        "convscope saliency predictions:espresso sample:coffee  # the embedded classifier",
        "convscope saliency predictions:espresso sample:coffee --method gradcam",
        'convscope saliency "predictions:Sneaker - predictions:Sandal" "sample:fashion[0-8]" -m fashion --method occlusion',
        "convscope saliency predictions:espresso sample:coffee --method all",
        "convscope saliency block5_conv3:7 sample:cat --guided",
    ),
)
