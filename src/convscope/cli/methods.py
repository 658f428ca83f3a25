"""One shell command for each registered method, made from what the method says of itself."""

import contextlib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from .. import hints
from ..catalogue import summary
from ..files import as_path
from ..images.sources import SAMPLE, samples
from ..method import Part, told_words
from ..methods import Method
from ..models import PREPROCESSINGS, ModelBundle
from ..models.loading import WEIGHTS, names_classes
from ..options import Option
from ..progress import working
from ..reach import allowing
from ..render.writer import check_target, write_named
from ..results import INTERRUPTED, Result, check_apart
from ..units import slug
from ..writing import is_picture
from .grouped import MODEL_OPTIONS
from .jobs import write_job
from .terminal import agrees, put, put_json, say
from .terms import Argument, TermCommand
from .values import Shape, Value

OUT = Path("convscope-out")
PAGE = "page"
METAVARS = {"layer": "LAYER", "unit": "UNIT", "units": "UNIT...", "images": "IMAGE..."}
TAKEN_HELP = {
    "units": "UNIT is layer:channel, layer:0-63, layer:3,17, layer:all or layer:channel@row,column.",
    "unit": "UNIT is layer:channel, layer:channel@row,column or, for outputs, layer:class name.",
    "layer": "LAYER is an address that `convscope layers` lists.",
    "images": (
        "IMAGE is an image file, folder (subfolders are labels), glob, list (.csv or .parquet: path, label), archive (.zip, "
        ".tar, .tar.gz), "
        ".npz or .npy file, or " + SAMPLE + "NAME for an embedded one. Append [0-8] to use only those images: x.npz[0-8]."
    ),
}


def model_options() -> list[click.Parameter]:
    """Return the options that say which model is meant, and what its file does not say."""
    names = "A .h5, .hdf5 or .keras file, or a name: vgg16, squeezenet, fashion, resnet50, ...  [default: vgg16; squeezenet for classes]"
    recipes = (
        f"How images enter the network: {', '.join(PREPROCESSINGS)}, or MEAN/DEVIATION in 0-255 such as 127/128  [default: recognised]"
    )
    return [
        click.Option(["-m", "--model"], metavar="MODEL", type=click.Path(), help=names),
        click.Option(["--preprocess"], metavar="RECIPE", type=_Recipe(), help=recipes),
        click.Option(
            ["--labels"],
            type=click.Path(),
            metavar="FILE",
            help="Class names in the order of the outputs: a text file with one per line, or JSON.",
        ),
        click.Option(["--weights"], type=click.Choice(list(WEIGHTS)), help="Which weights to use, if the model is a name."),
        click.Option(
            ["--architecture"],
            metavar="NAME",
            help="The network of a weights-only file: a name in keras.applications, or the file of model.to_json().",
        ),
        click.Option(["--input-shape"], metavar="H,W,C", type=Shape(), help="Size of the input, if the file does not say it."),
        click.Option(
            ["--input", "inputs"],
            metavar="NAME=VALUE",
            multiple=True,
            help="Value of a second input. NAME=image marks the one that takes images.",
        ),
        click.Option(
            ["--custom"],
            metavar="CODE",
            multiple=True,
            help="Python code that defines your custom layers (file.py or package.module:Name). It will be executed.",
        ),
        click.Option(
            ["--unsafe"], is_flag=True, help="Run the Python code of Lambda layers in the file. Use it only if you trust the file."
        ),
    ]


def allow_option(noun: str) -> click.Option:
    """Return the option that lets files be opened which `noun` names."""
    said = f"A file or folder outside its own that {noun} may open. Repeat it for several."
    return click.Option(["--allow"], type=click.Path(path_type=Path), multiple=True, metavar="PATH", help=said)


class _Recipe(click.ParamType[str]):
    """Completes the names of recipes; anything else is left to `load`, which knows what fits."""

    name = "recipe"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        """Return the names that begin so."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(name) for name in PREPROCESSINGS if name.startswith(incomplete)]


def load_model(model: str | None, *, quiet: bool = False, classes: bool = False, **told: Any) -> ModelBundle:
    """Load the model that the options mean and, unless `quiet`, print what `load` has to say to standard error.

    `classes`: whether the default model must have some.
    """
    from ..models import as_bundle

    hints.remember(model=model_words(model, told) if model else list(told_words(told)))
    with working(f"loading {model or 'the default model'}"):
        bundle = as_bundle(model or None, classes=classes, **told)
    hints.remember(model=model_words(model or bundle.source, told))
    for note in () if quiet else bundle.notes:
        say(note)
    return bundle


def model_words(model: str, told: dict[str, Any]) -> list[str]:
    """Return the words of the shell that name this model and its options."""
    return ["-m", model, *told_words(told)]


def run_words(run: str | None, model: str | None) -> list[str]:
    """Return the words of the shell that mean this run, looked at with this model if one was named."""
    return ["-r", str(run), *(["-m", model] if model else [])] if run else []


def method_command(method: Method) -> click.Command:
    """Return the click command of a method."""

    def run(allow: tuple[Path, ...] = (), **given: Any) -> None:
        with allowing(allow, agrees):
            look(**given)

    def look(**given: Any) -> None:
        out, raw, as_json = given.pop("out"), given.pop("raw"), given.pop("as_json")
        model = {name: given.pop(name) for name in ("model", *MODEL_OPTIONS)}
        hints.remember(run=run_words(given.get("run"), model["model"]))
        taken = _taken(method, list(given.pop("arguments")))
        page = given.pop("page", False)
        large = {option.name: given.pop(option.name) for option in method.job_options}
        stem = _stem(method, taken, *filter(None, large.values()))
        folder = out or OUT / stem
        single = out is not None and is_picture(out)
        if page and single:
            raise click.UsageError(f"A page is a folder, but --out is `{out}`. Name a folder.")
        check_target(out or OUT)
        check_apart(folder.parent if single else folder, given.get("onto"))
        bundle = _bundle(method, taken, given, model)
        parts = method.divided(bundle, taken, given)
        if len(parts) > 1:
            _write_pages(method, bundle, taken, parts, folder, raw, as_json)
            return
        taken, given = list(parts[0].taken), parts[0].options
        job = method.job(bundle, *taken, **given, **large) if method.job is not None else None
        if job is not None and not single:
            write_job(job, folder, raw=raw, as_json=as_json)
            return
        if any(value is not None for value in large.values()):
            raise click.UsageError(f"Whole layers are many pictures, but --out is `{folder}`. Name a folder.")
        result = _watched(method, bundle, taken, given) if method.watched else method.run(bundle, *taken, **given)
        written = write_named(result, OUT, stem, raw=raw) if out is None else result.save(out, raw=raw)
        result.tidy(written)
        if page:
            result.save_page(folder / PAGE)  # type: ignore[attr-defined]
            written = [*written, folder / PAGE / "index.html"]
        report(result, written, as_json)
        _tell_of_others(result, written, folder, page)
        if result.interrupted:
            raise click.exceptions.Exit(130)

    params = [
        click.Argument(
            ["arguments"],
            nargs=-1,
            required=not method.job_options,
            metavar=" ".join(METAVARS[name] for name in method.takes),
            type=_Input(method.takes),
        ),
        *_options((*method.options, *method.job_options)),
        *model_options(),
        *([allow_option("the run")] if method.of_runs else []),
        click.Option(["-o", "--out"], type=click.Path(path_type=Path), help=f"A .png, .svg or .pdf file, or a folder  [default: {OUT}/]"),
        *(
            [click.Option(["--page"], is_flag=True, help="Also write a page for the browser, in a folder of its own.")]
            if method.has_page
            else []
        ),
        click.Option(["--raw"], is_flag=True, help="Also write the arrays as .npz."),
        click.Option(["--json", "as_json"], is_flag=True, help="Print the results and the files as JSON."),
    ]
    return TermCommand(method.name, callback=run, params=params, help=_help(method), epilog=_examples(method))


def _watched(method: Method, bundle: ModelBundle | None, taken: list[Any], given: dict[str, Any]) -> Result:
    """Run a method whose picture can be watched as it comes to be; of several units a bar is shown instead."""
    from ..render.ascend import plain_picture
    from .preview import growing

    several = len(taken[0]) > 1 or re.search(r":(all\b|\d+[,-]\d)", taken[0][0])
    with contextlib.nullcontext() if several else growing(plain_picture) as watch:
        return method.run(bundle, *taken, **given, watch=watch)


def _bundle(method: Method, taken: list[Any], given: dict[str, Any], model: dict[str, Any]) -> ModelBundle | None:
    """Return the model that is named, or the one that a scan was made with, None for a method that needs none here."""
    if model["model"] is None and method.model_of is not None:
        idle = next((name for name in MODEL_OPTIONS if model[name] and name not in ("custom", "unsafe")), "")
        if idle:
            flag = idle.removesuffix("s" if idle == "inputs" else "").replace("_", "-")
            raise click.UsageError(f"--{flag} has no effect without -m, because the run records how its model was loaded. Remove it.")
        bundle: ModelBundle = method.model_of(given, custom=model["custom"], unsafe=model["unsafe"])
        hints.remember(model=model_words(bundle.source, bundle.given))
        for note in bundle.notes:
            say(note)
        return bundle
    classes = method.of_last_layer or names_classes(taken[0])
    return load_model(**model, classes=classes) if model["model"] or method.needs_model(*taken) else None


def _write_pages(
    method: Method,
    bundle: ModelBundle | None,
    taken: list[Any],
    parts: Sequence[Part],
    folder: Path,
    raw: bool,
    as_json: bool,
) -> None:
    """Make and write picture after picture, so that memory does not grow with their number, and a page that shows them all."""
    from ..render.pages import INDEX, write_pages

    if is_picture(folder):
        raise click.UsageError(f"These are {len(parts)} pictures, but --out is `{folder}`. Name a folder.")
    made = ((part.name, method.run(bundle, *part.taken, **part.options)) for part in parts)
    summaries, written = [], []
    notes: dict[str, None] = {}
    title = f"{method.name} {taken[0] if isinstance(taken[0], str) else ' '.join(taken[0])}"
    interrupted = False
    try:
        for result, paths in write_pages(folder, title, made, raw=raw):
            summaries.append(result.summary())
            written += paths
            notes |= dict.fromkeys((*result.notes, *result.remarks()))
            interrupted = result.interrupted
            if not as_json:
                put(paths[0])
    except KeyboardInterrupt:
        if not written:
            raise
        interrupted = True
    written.append(folder / INDEX)
    if as_json:
        put_json({"written": [str(path) for path in written], "notes": list(notes), "interrupted": interrupted, "pages": summaries})
    else:
        for note in (*notes, *([INTERRUPTED] if interrupted else [])):
            say(note)
        put(folder / INDEX)
    if interrupted:
        raise click.exceptions.Exit(130)


def _tell_of_others(result: Result, written: list[Path], folder: Path, page: bool) -> None:
    """Say what a single picture leaves out, and that a page beside the new pictures is of older ones."""
    if result.beside and folder in written:
        say(f"A {folder.suffix} holds one picture. Name a folder with --out for {' and '.join(result.beside)} too.")
    if result.beside and not page and (folder / PAGE / "index.html").is_file():
        say(f"`{folder / PAGE}` shows an earlier map. Add --page to replace it.")


class _Input(Argument):
    """Completes embedded samples and files where a method takes images; addresses cannot be completed without loading a model."""

    name = "input"

    def __init__(self, takes: tuple[str, ...]) -> None:
        self.takes = takes

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        """Return the samples that begin so, else let the shell complete files."""
        from click.shell_completion import CompletionItem

        if "images" not in self.takes:
            return []
        found = [CompletionItem(SAMPLE + name) for name in samples() if (SAMPLE + name).startswith(incomplete)]
        return found if incomplete.startswith(SAMPLE[0]) and found else [CompletionItem(incomplete, type="file")]


def _options(options: tuple[Option, ...]) -> list[click.Option]:
    made = []
    for option in options:
        flag = option.flag
        if option.type is bool:
            made.append(click.Option([flag, option.name], is_flag=True, default=option.default, help=option.told))
            continue
        flags = [flag, *([option.short] if option.short else []), option.name]
        absent = {"required": True} if option.required else {"default": option.default}
        made.append(click.Option(flags, type=Value(option), metavar=option.metavar, help=option.told, hidden=option.hidden, **absent))
        made.extend(
            click.Option([short, option.name], flag_value=value, help=f"The same as {flag} {value}.") for short, value in option.shortcuts
        )
    return made


def _help(method: Method) -> str:
    return "\n\n".join(
        [summary(method.name), *(TAKEN_HELP[name] for name in method.takes), *([method.description] if method.description else [])]
    )


def _examples(method: Method) -> str:
    return "\b\nExamples:\n" + "\n".join(f"  {example}" for example in method.examples) if method.examples else ""


def _taken(method: Method, arguments: list[str]) -> list[Any]:
    """Split the positional arguments into what the method takes.

    Units come first and differ from images by their colon: an argument that is a file, or begins with "sample:", is an image.
    """
    takes = method.takes
    if takes == ("images",):
        return [arguments]
    if takes == ("units",):
        return [arguments]
    count = 1
    if takes[0] == "units":
        count = next((place for place, one in enumerate(arguments) if place and _is_image(one)), len(arguments))
    first, rest = arguments[:count], arguments[count:]
    if "images" in takes and not rest:
        raise click.UsageError(f"No image. Expected: convscope {method.name} {' '.join(METAVARS[name] for name in takes)}")
    if "images" not in takes and rest:
        raise click.UsageError(f"Received {len(arguments)} arguments, but expected one {METAVARS[takes[0]]}.")
    return [first if takes[0] == "units" else first[0], *([rest] if "images" in takes else [])]


def _is_image(argument: str) -> bool:
    if argument.startswith(SAMPLE) or os.path.exists(as_path(argument)):  # noqa: PTH110 (too long for Path's own)
        return True
    drive = re.match(r"[A-Za-z]:[\\/]", argument) is not None
    return drive or (":" not in argument and (Path(argument).suffix != "" or "*" in argument or "/" in argument))


def _stem(method: Method, taken: list[Any], *more: str) -> str:
    """Return a file name from the units or images of the request."""
    subject = "-".join([*([taken[0]] if isinstance(taken[0], str) else taken[0]), *more])
    return f"{method.name}-{slug(subject)}"[:100]


def report(result: Result, written: list[Path], as_json: bool) -> None:
    """Print the files: paths to standard output, notes to standard error; or all of it as JSON."""
    if as_json:
        found = {"written": [str(path) for path in written], "notes": list(result.notes), "interrupted": result.interrupted}
        put_json(found | result.summary())
        return
    for note in (*result.notes, *result.remarks()):
        say(note)
    if result.interrupted:
        say(INTERRUPTED)
    for path in written:
        if path.suffix != ".json":
            put(path)
