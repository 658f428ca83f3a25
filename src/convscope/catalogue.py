"""What convscope has built in, by name: its commands, its methods and how they draw. Only this file names modules as text.

It loads nothing but names, so that `import convscope` and `convscope --help` answer at once. A plug-in enters the same tables by its
entry point (docs/extending.md).
"""

from typing import TYPE_CHECKING, NamedTuple

from . import writing
from .registry import DRAWINGS, PORTRAITS, Registry

if TYPE_CHECKING:
    from . import render
    from .methods import Method

    _WRITER: writing.Writer = render


class Command(NamedTuple):
    """A built-in command: one sentence for `--help`; of a method where it is, how its results are drawn, and its letter in the prompt.

    `own`: its command line is not made from the method, but stands in `cli/commands.py`.
    """

    summary: str
    method: str = ""
    drawing: str = ""
    letter: str = ""
    own: bool = False


# In the order in which a user needs them.
COMMANDS = {
    "layers": Command("List what can be drawn in a model, and what its file holds."),
    "activations": Command(
        "Draw what each channel of a layer computes for an image.",
        method="convscope.methods.activations:METHOD",
        drawing="convscope.render.activations:draw",
        letter="m",
    ),
    "deconv": Command(
        "Show what in this image excited a unit (deconvnet).",
        method="convscope.methods.deconv:METHOD",
        drawing="convscope.render.deconv:draw",
        letter="d",
    ),
    "saliency": Command(
        "Show which pixels matter to a score, by nine methods.",
        method="convscope.methods.saliency:METHOD",
        drawing="convscope.render.saliency:draw",
        letter="s",
    ),
    "ascend": Command(
        "Make an image that excites a unit (gradient ascent).",
        method="convscope.ascent.jobs:METHOD",
        drawing="convscope.render.ascend:draw",
        letter="a",
    ),
    "tsne": Command(
        "Map images by what the network sees in them (t-SNE).",
        method="convscope.embedding.embed:METHOD",
        drawing="convscope.render.tsne:draw",
    ),
    "scan": Command("Find the images of a data set that excite each unit most."),
    "top": Command(
        "Show the strongest images of each unit of a scan.",
        method="convscope.portraits.top:METHOD",
        drawing="convscope.render.top:draw",
        letter="t",
    ),
    "dossier": Command(
        "Show all that is known of one unit, as a picture and a page.",
        method="convscope.portraits.dossier:METHOD",
        drawing="convscope.render.dossier:draw",
        letter="o",
    ),
    "trust": Command(
        "Measure how far the pictures of units can be trusted.",
        method="convscope.trusting.trust:METHOD",
        drawing="convscope.render.trust:draw",
    ),
    "facets": Command(
        "Sort a unit's strongest images by what excites it in them.",
        method="convscope.portraits.facets:METHOD",
        drawing="convscope.render.facets:draw",
    ),
    "name": Command("Find out what each unit of a scan fires for."),
    "find": Command(
        "Find the units of a scan that fire for a label.",
        method="convscope.naming.find:METHOD",
        drawing="convscope.render.find:draw",
    ),
    "explain": Command(
        "Explain a prediction: pixels, units for and against, neighbours.",
        method="convscope.explaining.explain:METHOD",
        drawing="convscope.render.explain:draw",
        letter="x",
    ),
    "connections": Command("Show what a unit is made of, and what it feeds."),
    "weights": Command(
        "Show the plain weights of a layer: its kernels and norms.",
        method="convscope.methods.weights:METHOD",
        drawing="convscope.render.weights:draw",
        letter="w",
    ),
    "lesion": Command(
        "Show what the network loses without each unit of a layer.",
        method="convscope.portraits.lesion:METHOD",
        drawing="convscope.render.lesion:draw",
    ),
    "compare": Command(
        "Compare two networks on the same images, layer by layer.",
        method="convscope.comparing.compare:METHOD",
        drawing="convscope.render.compare:draw",
    ),
    "evolve": Command(
        "Show what units see at each checkpoint of a training.",
        method="convscope.training.evolve:METHOD",
        drawing="convscope.render.evolve:draw",
        own=True,
    ),
    "atlas": Command("Make a site of a whole network, unit by unit."),
    "session": Command("Open a prompt at a model, in which to move and draw."),
    "look": Command("Open a page in which the network answers while you look."),
    "replay": Command("Make a written picture again, and compare the bytes."),
    "view": Command("Open the page of a map in the browser."),
    "demo": Command("Run everything once, on the embedded models and images."),
    "fetch": Command("Download the ImageNet weights of a keras.applications model."),
    "completion": Command("Print the completion script of a shell."),
}

METHODS: Registry["Method"] = Registry(
    "method", builtin={name: one.method for name, one in COMMANDS.items() if one.method}, group="convscope.methods"
)
DRAWINGS.builtin |= {name: one.drawing for name, one in COMMANDS.items() if one.drawing}
PORTRAITS.builtin |= {name: f"convscope.portraits.{name}:{name}" for name in ("top", "dossier", "connections")}
writing.REFERENCE = "convscope.render"


def summary(name: str) -> str:
    """Return the sentence that says what a command does: a built-in one's, or the one that a plug-in brings. Raises OptionError."""
    return COMMANDS[name].summary if name in COMMANDS else METHODS.get(name).summary
