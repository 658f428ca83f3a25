"""The command `atlas`: a site of a whole network."""

from pathlib import Path
from typing import Any

import click

from ..catalogue import summary
from ..files import as_path
from ..hints import remember
from ..models import applications
from ..models.loading import EMBEDDED
from ..models.reading import SUFFIXES
from ..reach import allowing
from ..units import LAYER_GRAMMAR
from .grouping import Command, grouped
from .methods import OUT, TAKEN_HELP, allow_option, load_model, model_options, run_words
from .terminal import agrees, put, put_json, say
from .values import WHOLE

SYNTHETIC, PROJECTIONS = ("none", "fast", "best"), ("0", "3", "9")


def _atlas(arguments: tuple[str, ...], run: Path | None, out: Path | None, as_json: bool, allow: tuple[Path, ...], **given: Any) -> None:
    from ..atlases import atlas
    from ..scanning import is_run

    own = {name: given.pop(name) for name in ("layers", "synthetic", "size", "projections", "budget")}
    images, model = list(arguments), given.pop("model")
    if model is None and images and is_model(images[0]):
        model = images.pop(0)
    if run is None and len(images) == 1 and is_run(images[0]):
        run = Path(images.pop())
    remember(run=run_words(run, model))
    with allowing(allow, agrees):
        bundle = load_model(model, **given) if run is None or model is not None or any(given.values()) else None
        own |= {"layers": own["layers"] or "all", "projections": int(own["projections"])}
        made = atlas(bundle, images or None, run=run, out=out, **own)
    if as_json:
        found = {"atlas": str(made.folder), "page": str(made.page), "run": str(made.run.path), "complete": made.complete}
        put_json(found | {"layers": made.layers, "units": made.units, "parts": made.parts, "of": made.of, "notes": list(made.notes)})
    else:
        say(f"{made.units:,} units of {made.layers:,} layers, {len(made.run):,} images.")
        for note in made.notes:
            say(note)
        put(made.page)
    if made.interrupted:
        say("Interrupted. The same command resumes.")
        raise click.exceptions.Exit(130)


def is_model(word: str) -> bool:
    """Say whether a word of the command names a model: the name of one, or a file of Keras."""
    named = word.lower() in EMBEDDED or applications.find(word) is not None
    return (named and not as_path(word).exists()) or as_path(word).suffix.lower() in SUFFIXES


ATLAS = Command(
    "atlas",
    callback=_atlas,
    params=[
        click.Argument(["arguments"], nargs=-1, metavar="[MODEL] [IMAGE...]"),
        click.Option(["-r", "--run"], type=click.Path(path_type=Path), metavar="RUN", help="The folder of a scan, in place of images."),
        click.Option(["--layers"], metavar="PATTERN", multiple=True, help=f"Which of the run's layers: {LAYER_GRAMMAR}  [default: all]"),
        click.Option(
            ["--synthetic"],
            type=click.Choice(SYNTHETIC),
            default="fast",
            show_default=True,
            help="Pictures by gradient ascent: `fast` of 64 pixels and 32 steps, `best` as `convscope ascend` makes them, or none.",
        ),
        click.Option(
            ["--size"], type=WHOLE, help="Side of the synthetic pictures in pixels, 16 to 512  [default: 64; best: the receptive field]"
        ),
        click.Option(
            ["--projections"],
            type=click.Choice(PROJECTIONS),
            default="9",
            show_default=True,
            help="Of how many of the nine strongest images of a unit to draw projections. 3 take a third of the time.",
        ),
        click.Option(["--budget"], metavar="TIME", help="Stop after this time, such as 30m or 2h. The same command makes the rest."),
        *model_options()[:1],
        allow_option("the run"),
        *grouped(
            "Output",
            [
                click.Option(["-o", "--out"], type=click.Path(path_type=Path), help=f"Folder of the atlas  [default: {OUT}/atlas-MODEL]"),
                click.Option(["--json", "as_json"], is_flag=True, help="Print the result as JSON."),
            ],
        ),
        *model_options()[1:],
    ],
    help=(
        f"{summary('atlas')}\n\n"
        "Makes one folder that shows every unit of a network: its synthetic picture, its strongest images with their projections, its "
        "statistics, the units most alike, what it is made of and what it feeds. The folder opens from disk, without a server or a "
        "network, and from any static host.\n\n"
        "Images are scanned first; the run is kept beside the folder, as FOLDER-run. With -r the atlas shows that run. The most telling "
        "units of all layers come first. An interrupted atlas resumes with the same command. So does one whose images, layers or settings "
        "have changed: only what depends on them is made again.\n\n"
        f"{TAKEN_HELP['images']}"
    ),
    epilog=(
        "\b\nExamples:\n"
        "  convscope atlas fashion sample:fashion -o atlas/\n"
        "  convscope atlas model.keras photos/\n"
        "  convscope atlas -r run/ --layers block4_*,block5_* --synthetic best\n"
        "  convscope atlas vgg16 photos/ --budget 30m   # the most telling units now, the rest the next time"
    ),
)
