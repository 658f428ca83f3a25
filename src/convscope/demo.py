"""Runs everything once on embedded models and images. Makes a folder of pictures and a page that shows them."""

import itertools
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .atlases import atlas
from .catalogue import METHODS
from .errors import OptionError
from .models import ModelBundle, load
from .options import RUN
from .render.pages import Picture, Section, picture_of, write_index
from .requests import Request
from .results import Result
from .scanning import scan

OUT = Path("convscope-demo")


@dataclass(frozen=True)
class Part:
    """One picture of the demo: a method, the model, what it takes, its options, and the words below it.

    `scanned`: the images that are scanned before, into the demo's folder; the method then looks at that run.
    """

    method: str
    model: str
    taken: tuple[Any, ...]
    caption: str
    options: dict[str, Any] = field(default_factory=dict)
    scanned: str = ""

    def file(self, number: int) -> str:
        """Return the picture's name in the demo's folder."""
        subject = self.taken[0] if isinstance(self.taken[0], str) else self.taken[0][0]
        return f"{number:02d}-{self.method}-{subject.removeprefix('sample:').partition(':')[0]}.png"


@dataclass(frozen=True)
class Chapter:
    """A heading of the page, what the method is, and its pictures."""

    heading: str
    text: str
    parts: tuple[Part, ...]


# The demo ends with a small atlas: two layers of the network that is scanned last.
ATLAS_MODEL, ATLAS_LAYERS, ATLAS_PROJECTIONS = "fashion", "block3_conv1,predictions", 3
STRONGEST = {"strongest": 4}
NINE = "block3_conv1:0,5,7,9,11,12,13,14,15"
SAMPLES, PHOTOS = "sample:fashion", "sample:photos"
CHAPTERS = (
    Chapter(
        "Activations: what does each layer compute here?",
        "The maps of one layer for one photograph, the strongest first. Early layers keep the image and mark edges and "
        "colours. Late layers keep only where something was found.",
        (
            Part("activations", "vgg16", ("block1_conv2", ["sample:cat"]), "VGG16 block1_conv2", {"most": 32}),
            Part("activations", "vgg16", ("block4_conv2", ["sample:cat"]), "VGG16 block4_conv2", {"most": 32}),
        ),
    ),
    Chapter(
        "Deconvnet: what in this image excited this unit?",
        "The strongest activation of a unit, projected down to the pixels (Zeiler & Fergus 2014). With switches, the signal "
        "follows the recorded maxima of max pooling. Without them, it spreads over each pooling window.",
        (
            Part("deconv", "vgg16", (["block3_conv3"], ["sample:cat"]), "The units of block3_conv3 that the cat excites most", STRONGEST),
            Part("deconv", "vgg16", (["block4_conv3"], ["sample:cat"]), "block4_conv3, with switches", STRONGEST),
            Part(
                "deconv", "vgg16", (["block4_conv3"], ["sample:cat"]), "The same, without switches", {"strongest": 4, "switches": "spread"}
            ),
            Part("deconv", "vgg16", (["block5_conv1"], ["sample:dogs"]), "block5_conv1 on another photograph", STRONGEST),
        ),
    ),
    Chapter(
        "Saliency: which pixels matter?",
        "The gradient of a class's score with respect to the pixels, and guided backprop. SqueezeNet, a classifier of 1,000 classes.",
        (
            Part("saliency", "squeezenet", ("predictions:giant panda", ["sample:panda"]), "Gradient of the score of giant panda"),
            Part("saliency", "squeezenet", ("predictions:giant panda", ["sample:panda"]), "Guided backprop", {"method": "guided"}),
        ),
    ),
    Chapter(
        "Gradient ascent: what excites a unit in general?",
        "Pictures made from noise, step by step, so that a unit's activation rises (Erhan et al. 2009, Olah et al. 2017). "
        "Early to late layers.",
        tuple(
            Part("ascend", "vgg16", ([f"{layer}:{channels}"],), f"Eight units of VGG16 {layer}", {"size": size, "steps": 48})
            for layer, channels, size in (
                ("block2_conv2", "0-7", 64),
                ("block3_conv3", "0-7", 64),
                ("block4_conv2", "0-7", 96),
                ("block5_conv3", "3,50,100,155,200,300,400,500", 128),
            )
        ),
    ),
    Chapter(
        "t-SNE: what has the network as a whole learned?",
        "2,000 test images of Fashion-MNIST, arranged by the features that feed the last decision of a small network. The "
        "embedded photographs, arranged by SqueezeNet's features. They are too few for t-SNE, so principal components take its place.",
        (
            Part("tsne", "fashion", (["sample:fashion"],), "The fashion network, layer dense1"),
            Part("tsne", "squeezenet", ([PHOTOS],), "SqueezeNet, the embedded photographs"),
        ),
    ),
    Chapter(
        "Scan: which images of a data set excite a unit most?",
        "One pass over the 2,000 images finds for every unit the images that excite it most. As in Figure 2 of Zeiler & "
        "Fergus 2014, each is cropped to the receptive field, beside its projection. "
        "A dossier then shows all that is known of one unit. SqueezeNet sees the 29 embedded photographs in the same way.",
        (
            Part("top", "squeezenet", (["fire5_expand3x3:0-8"],), "Nine units of SqueezeNet's fire5_expand3x3", {}, PHOTOS),
            Part("dossier", "squeezenet", (["fire9_expand3x3:3"],), "All that is known of one unit of fire9_expand3x3", {}, PHOTOS),
            Part("top", "fashion", ([NINE],), "Nine units of the fashion network's last convolution", {}, SAMPLES),
            Part("dossier", "fashion", (["block3_conv1:5"],), "One of them, which answers to the handles of bags", {}, SAMPLES),
        ),
    ),
)


def run(folder: Path, tell: Callable[[str], None]) -> Path:
    """Make every picture into `folder` and return the path of its index.html; `tell` gets a line for each picture, with its time.

    Ctrl-C keeps the pictures so far and writes their page.
    """
    models: dict[str, ModelBundle] = {}
    sections: list[Section] = []
    numbers = itertools.count(1)
    interrupted = False
    for chapter in CHAPTERS:
        pictures: list[Picture] = []
        notes: dict[str, None] = {}
        try:
            for part in chapter.parts:
                started = time.perf_counter()
                result = _made(part, models, folder, tell)
                written = result.save(folder / part.file(next(numbers)))
                pictures.append(picture_of(result, written, part.caption, command(part, folder)))
                notes |= dict.fromkeys(pictures[-1].notes)
                tell(f"{time.perf_counter() - started:6.1f} s  {written[0]}")
        except KeyboardInterrupt:
            interrupted = True
        if pictures:
            sections.append(Section(chapter.heading, tuple(pictures), chapter.text, tuple(notes)))
        if interrupted:
            break
    if not interrupted and _run_at(folder, ATLAS_MODEL).is_dir():
        atlas_section, interrupted = _atlas(models[ATLAS_MODEL], folder, tell)
        sections.append(atlas_section)
    page = write_index(folder, "convscope: what these networks have learned", sections)
    if interrupted:
        raise KeyboardInterrupt
    return page


def command(part: Part, folder: Path = OUT) -> str:
    """Return the shell command that makes the same picture, where the demo was made into `folder`."""
    return _request(part, folder).command_line(model=part.model)


def _request(part: Part, folder: Path) -> Request:
    method = METHODS.get(part.method)
    runs = {option.name: _run_of(part, folder) for option in method.options if option.names == RUN and part.scanned}
    return Request(method, part.taken, part.options | runs)


def _run_of(part: Part, folder: Path) -> Path:
    return _run_at(folder, part.model)


def _run_at(folder: Path, model: str) -> Path:
    return folder / f"scan-{model}"


def _atlas(bundle: ModelBundle, folder: Path, tell: Callable[[str], None]) -> tuple[Section, bool]:
    """Make the atlas of a network that was scanned before; return what the page says of it, and whether Ctrl-C ended it."""
    started, run = time.perf_counter(), _run_at(folder, bundle.name)
    made = atlas(bundle, run=run, out=folder / "atlas", layers=ATLAS_LAYERS, projections=ATLAS_PROJECTIONS)
    tell(f"{time.perf_counter() - started:6.1f} s  {made.page}")
    again = f"convscope atlas -r {run} --layers {ATLAS_LAYERS} --projections {ATLAS_PROJECTIONS} -o {made.folder}"
    picture = Picture(
        "atlas/data/overview.webp", "The most telling units of two layers. Click to walk through them", again, "atlas/index.html"
    )
    text = (
        "A site of a whole network, here of two layers of the fashion network: a page for every unit with what excites it, what it is made "
        "of and what it feeds; pages of images and classes; and their map."
    )
    return Section("Atlas: the network as a place", (picture,), text, made.notes), made.interrupted


def _made(part: Part, models: dict[str, ModelBundle], folder: Path, tell: Callable[[str], None]) -> Result:
    if part.model not in models:
        models[part.model] = load(part.model)
        for note in models[part.model].notes:
            tell(note)
    if part.scanned:
        _scanned(part, models[part.model], folder, tell)
    return _request(part, folder).on(models[part.model]).result()


def _scanned(part: Part, bundle: ModelBundle, folder: Path, tell: Callable[[str], None]) -> None:
    """Scan the images of a part, or resume: nothing is left to do if this network has scanned them already."""
    path = _run_of(part, folder)
    started = time.perf_counter()
    try:
        run = scan(bundle, part.scanned, out=path)
    except OptionError:  # it is an earlier release's, or another framework's
        if not (path / "shards").is_dir():
            raise
        shutil.rmtree(path)
        run = scan(bundle, part.scanned, out=path)
    if not run.complete:
        raise KeyboardInterrupt
    tell(f"{time.perf_counter() - started:6.1f} s  {path}")
