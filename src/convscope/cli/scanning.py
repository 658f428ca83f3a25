"""The command `scan`: one pass over a data set."""

from pathlib import Path
from typing import Any

import click

from ..catalogue import summary
from ..files import OUT
from ..legible import counted, sentence
from ..options import options_of
from .current import current_desk
from .engines import worked_by
from .flags import flags
from .grouping import Command, quiet_option
from .methods import TAKEN_HELP, load_model, model_options
from .terminal import put, put_json, say

HELP = (
    "One pass over the images serves all layers. It also records where in the image each unit was excited, how often it fires, the "
    "distribution of its maxima, its mean by class, and the images' features for a map."
)
RUN_HELP = (
    "The run is a folder of Parquet tables (docs/scan.md). An interrupted scan resumes with the same command. So does a finished run "
    "whose data set has grown: it adds the new images."
)
EXAMPLES = (
    "\b\nExamples:\n  convscope scan photos/ -m model.h5 -o run/\n  convscope scan sample:fashion -m fashion --layers block3_* -o run/\n"
    "  convscope scan photos/ -m vgg16 --engine ray --workers auto -o run/"
)


def _scan(images: tuple[str, ...], out: Path | None, as_json: bool, **given: Any) -> None:
    from ..images.sources import check_named
    from ..scanning import scan

    check_named(images)
    with worked_by(options_of(scan), given):
        options = {option.name: given.pop(option.name) for option in options_of(scan)}
        run = scan(load_model(**given), list(images), out=out, **options)
    known = [run.units(layer) for layer in run.layers]
    silent = sum(int(((one.fires == 0) & (one.count > 0)).sum()) for one in known)
    odd = sum(int((one.count < len(run)).sum()) for one in known)
    units = sum(run.channels(layer) for layer in run.layers)
    skipped, away = run.skipped.count - run.unreachable, run.unreachable
    if as_json:
        found = {"run": str(run.path), "complete": run.complete, "of": run.manifest["count"], "images": len(run), "skipped": skipped}
        found["unreachable"] = away
        put_json(found | {"layers": list(run.layers), "units": units, "silent": silent, "not_finite": odd, "notes": list(run.notes)})
    else:
        amounts = counted(len(run), "image"), counted(units, "unit"), counted(len(run.layers), "layer")
        not_finite = f", {odd:,} NaN or infinite on some images, which do not count there" if odd else ""
        say("{}, {} of {}, {:,} of them silent{}.".format(*amounts, silent, not_finite))
        for note in run.notes:
            say(note)
        if skipped:
            were = "was" if skipped == 1 else "were"
            said = f"{counted(skipped, 'image')} could not be read and {were} skipped. skipped.parquet holds the reasons."
            say(f"{said} The first: {_reason(run, unreachable=False)}")
        put(run.path)
    if (at := current_desk()) is not None:
        at.run = str(run.path)
    if away:
        said = f"{counted(away, 'image')} could not be reached, so the run is not complete. The same command tries again."
        say(f"{said} The first: {_reason(run, unreachable=True)}")
    reached = len(run) + skipped
    if len(run) + int((run.skipped.numbers["image"] >= 0).sum()) < run.manifest["count"]:
        say(f"Interrupted: {reached:,} of {run.manifest['count']:,} images are done. The same command resumes.")
        raise click.exceptions.Exit(130)
    if not run.complete:
        raise click.exceptions.Exit(1)


def _reason(run: Any, *, unreachable: bool) -> str:
    """Return why the first picture could not be read, or not be reached."""
    reasons = run.skipped.texts["reason"]
    kinds = run.skipped.texts.get("kind", ("unreadable",) * len(reasons))
    return sentence(next((reason for reason, kind in zip(reasons, kinds, strict=True) if (kind == "unreachable") == unreachable), ""))


def scan_command() -> click.Command:
    """Return the command, made from the signature of `scan`, which loads what the command needs."""
    from ..scanning import scan

    return Command(
        "scan",
        callback=_scan,
        params=[
            click.Argument(["images"], nargs=-1, required=True, metavar="IMAGE..."),
            *flags(options_of(scan)),
            *model_options(),
            click.Option(["-o", "--out"], type=click.Path(path_type=Path), help=f"Folder of the run  [default: {OUT}/scan-MODEL]"),
            click.Option(["--json", "as_json"], is_flag=True, help="Print the results as JSON."),
            quiet_option(),
        ],
        help=f"{summary('scan')}\n\n{HELP}\n\n{TAKEN_HELP['images']}\n\n{RUN_HELP}",
        epilog=EXAMPLES,
    )
