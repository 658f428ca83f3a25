"""One shell command for each registered method, made from its own description."""

import contextlib
from pathlib import Path
from typing import Any

import click

from .. import hints
from ..catalogue import summary
from ..files import OUT, as_path
from ..images.sources import SAMPLE
from ..method import DRAWING, Method, told_words
from ..models import PREPROCESSINGS, ModelBundle, applications
from ..models.loading import EMBEDDED, WEIGHTS, names_classes
from ..models.reading import SUFFIXES
from ..models.sources import is_run
from ..options import RUN
from ..progress import working
from ..reach import allowing
from ..render.pixels import plain_picture
from ..requests import Request, is_image
from ..units import in_words
from ..writing import is_picture
from .current import current_desk
from .engines import worked_by
from .flags import flags
from .grouping import Command, grouped, quiet_option
from .known import ModelName, image_items, known_on, layer_items, remember, unit_items
from .preview import growing
from .showing import show
from .terminal import agrees, say
from .terms import Argument
from .values import Shape

PAGE = "page"
METAVARS = {
    "layer": "LAYER",
    "unit": "UNIT",
    "units": "UNIT...",
    "other": "[FIRST] OTHER",
    "images": "IMAGE...",
    "words": "WORD...",
}
TAKEN_HELP = {
    "units": "UNIT is layer:channel, layer:0-63, layer:3,17, layer:all or layer:channel@row,column.",
    "unit": "UNIT is layer:channel, layer:channel@row,column or, for outputs, layer:class name.",
    "layer": "LAYER is an address that `convscope layers` lists.",
    "words": (
        "WORD is the beginning of a word in a label (several must all be there), the address of a unit, `silent` or `duplicates`. "
        "`label:silent` is a label in any case."
    ),
    "other": "FIRST and OTHER are two models, a file or a name each. The first may also stand after -m.",
    "images": (
        "IMAGE is an image file, folder (subfolders are labels), glob, list (.csv or .parquet: path, label), archive (.zip, .tar, "
        ".tar.gz), .npz or .npy file, or " + SAMPLE + "NAME for an embedded one. Files and folders may lie in a bucket (s3://BUCKET/NAME, "
        "gs://, az://, hdfs://). train-{000..099}.tar names numbered tars. Append [0-8] to use only those images: x.npz[0-8]."
    ),
}


MODEL = "A .h5, .hdf5 or .keras file, or a name: vgg16, squeezenet, fashion, resnet50, ...  [default: vgg16; squeezenet for classes]"
RECIPES = f"How images enter the network: {', '.join(PREPROCESSINGS)}, or MEAN/DEVIATION in 0-255 such as 127/128  [default: recognised]"


def model_options() -> list[click.Option]:
    """Return the options that say which model is meant, and what its file does not say."""
    return [click.Option(["-m", "--model"], metavar="MODEL", type=ModelName(), help=MODEL), *grouped("Model options", told_options())]


def told_options() -> list[click.Option]:
    """Return the options that tell `load` what a model's file does not say."""
    return [
        click.Option(["--preprocess"], metavar="RECIPE", type=_Recipe(), help=RECIPES),
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
            ["--without"],
            metavar="UNIT",
            multiple=True,
            help="Units to silence, such as block4_conv2:17,20: a lesion. Their values are 0 after their activation.",
        ),
        *code_options(),
    ]


def code_options() -> list[click.Option]:
    """Return the options that let the user's code, or the code in a model file, run."""
    return [
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
    words = f"A file or folder outside its own that {noun} may open. Repeat it for several."
    return click.Option(["--allow"], type=click.Path(), multiple=True, metavar="PATH", help=words)


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
    at = current_desk()
    kept = None if at is None else at.network((model or "", classes and not model), told)
    if kept is not None:
        return _announced(kept, model_words(model or kept.source, told), quiet=True)
    with working(f"loading {model or 'the default model'}"):
        bundle = as_bundle(model or None, classes=classes, **told)
    remember(model or bundle.source, bundle)
    if at is not None:
        at.keep((model or "", classes and not model), told, bundle)
    return _announced(bundle, model_words(model or bundle.source, told), quiet=quiet)


def _announced(bundle: ModelBundle, words: list[str], *, quiet: bool = False) -> ModelBundle:
    """Return a network that was loaded: sentences recommend its `words` from now on, and its notes are printed."""
    hints.remember(model=words)
    for note in () if quiet else bundle.notes:
        say(note)
    return bundle


def model_words(model: str, told: dict[str, Any]) -> list[str]:
    """Return the words of the shell that name this model and its options."""
    return ["-m", model, *told_words(told)]


def run_words(run: Path | str | None, model: str | None) -> list[str]:
    """Return the words of the shell that mean this run, looked at with this model if one was named."""
    return ["-r", str(run), *(["-m", model] if model else [])] if run else []


def method_command(method: Method) -> click.Command:
    """Return the click command of a method."""

    def run(allow: tuple[str, ...] = (), **options: Any) -> None:
        with allowing(allow, agrees), worked_by(method.options, options):
            look(**options)

    def look(arguments: tuple[str, ...], out: Path | None, raw: bool, as_json: bool, page: bool = False, **options: Any) -> None:
        model = options.pop("model")
        told = {option.name: options.pop(option.name) for option in told_options() if option.name is not None}
        if not arguments and all(options[option.name] is None for option in method.large_options):
            others = "".join(f", or {option.flag}" for option in method.large_options)
            raise click.UsageError(
                f"No {'word' if 'words' in method.takes else 'unit'}. Expected: convscope {method.name} "
                f"{METAVARS[method.takes[0]]}{others}."
            )
        words = list(arguments)
        if method.takes[0] == "other":
            model, words = _first_and_rest(words, model)
        inputs = tuple(_taken(method, words))
        scan = next((option.name for option in method.options if option.names == RUN and option.required), None)
        if scan is not None:
            options[scan] = options[scan] or _run_of(model, f"{method.name} {in_words(inputs[0])}", told)
            hints.remember(run=run_words(options[scan], model))
        request = Request(method, inputs, options)
        if page and out is not None and is_picture(out):
            raise click.UsageError(f"A page is a folder, but --out is `{out}`. Name a folder.")
        at = current_desk()
        request.check_target(out, OUT if at is None else at.folder)
        request.check_images()
        request = request.on(_network(request, model, **told))
        watching = growing(plain_picture) if request.pieces.watched else contextlib.nullcontext()
        with watching as watch:
            how: dict[str, Any] = {"raw": raw, "page": page, "watch": watch}
            show(request.write(out, folder=OUT, **how) if at is None else at.write(request, out, **how), as_json)

    return Command(method.name, callback=run, params=_parameters(method), help=_help(method), epilog=_examples(method))


def _run_of(model: str | None, words: str, told: dict[str, Any]) -> Path:
    """Return the run that stands where a model can. Raises UsageError that says what to type after the `words` of a command without one."""
    if model is not None and is_run(model):
        return Path(model)
    if current_desk() is not None:
        raise click.UsageError("No run. Expected the folder of a scan: run RUN. Scan images first, and the run is chosen: scan IMAGES")
    hints.remember(model=model_words(model, told) if model else list(told_words(told)))
    scan = hints.command("scan IMAGES --out RUN", "")
    raise click.UsageError(f"No run. Expected the folder of a scan: convscope {words} -r RUN. Scan images first: {scan}")


def _parameters(method: Method) -> list[click.Parameter]:
    inputs = click.Argument(
        ["arguments"],
        nargs=-1,
        required=not method.large_options,
        metavar=" ".join(METAVARS[name] for name in method.takes),
        type=_Input(method.takes),
    )
    drawing = [option for option in method.options if option.name in {one.name for one in DRAWING}]
    page = click.Option(["--page"], is_flag=True, help="Also write a page for the browser, in a folder of its own.")
    output = [
        *flags(drawing),
        click.Option(["-o", "--out"], type=click.Path(path_type=Path), help=f"A .png, .svg or .pdf file, or a folder  [default: {OUT}/]"),
        *([page] if method.has_page else []),
        click.Option(["--raw"], is_flag=True, help="Also write the arrays as .npz."),
        click.Option(["--json", "as_json"], is_flag=True, help="Print the results and the files as JSON."),
        quiet_option(),
    ]
    allow = [allow_option("the run")] if method.names_files else []
    own = flags(option for option in method.options if option not in drawing)
    model, *apart = model_options()
    return [inputs, *own, model, *allow, *grouped("Drawing and output", output), *apart]


def _network(request: Request, model: str | None, **told: Any) -> ModelBundle | None:
    """Return the network that is named, or the one that goes with the request, None for a request that needs none."""
    if model is not None or request.method.network is None:
        return load_model(model, classes=names_classes(request.inputs[0]), **told)
    hints.remember(model=list(told_words(told)))
    with working("loading the network"):
        bundle: ModelBundle | None = request.method.network(request.inputs, request.options, told)
    return None if bundle is None else _announced(bundle, model_words(bundle.source, bundle.given))


class _Input(Argument):
    """Completes layers, units and classes of the model on the line, embedded samples and files."""

    name = "input"

    def __init__(self, takes: tuple[str, ...]) -> None:
        self.takes = takes

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        """Return what a word that begins so may become."""
        given = ctx.params.get(str(param.name)) or ()
        found: list[Any] = []
        if self.takes[0] == "layer" and not given:
            found += layer_items(known_on(ctx), incomplete)
        elif self.takes[0] in ("unit", "units") and not any(is_image(word) for word in given):
            found += unit_items(known_on(ctx), incomplete)
        if "images" in self.takes and not (found and incomplete):
            found += image_items(incomplete)
        return found


def is_model(word: str) -> bool:
    """Say whether a word of the command names a model: the name of one, or a file of Keras."""
    named = word.lower() in EMBEDDED or applications.find(word) is not None
    return (named and not as_path(word).exists()) or as_path(word).suffix.lower() in SUFFIXES


def _first_and_rest(words: list[str], model: str | None) -> tuple[str | None, list[str]]:
    """Return the first of two models, and the words behind it. It is the first word where a second model follows, else that of -m."""
    if len(words) > 1 and (is_model(words[1]) or is_run(words[1])):
        return words[0], words[1:]
    if model is None:
        raise click.UsageError("Received one model. Expected two, and then images: convscope compare FIRST OTHER IMAGE...")
    return model, words


def _help(method: Method) -> str:
    return "\n\n".join(
        [summary(method.name), *(TAKEN_HELP[name] for name in method.takes), *([method.description] if method.description else [])]
    )


def _examples(method: Method) -> str:
    return "\b\nExamples:\n" + "\n".join(f"  {example}" for example in method.examples) if method.examples else ""


def _taken(method: Method, arguments: list[str]) -> list[Any]:
    """Split the positional arguments into what the method takes.

    Units come first and differ from images by their colon: an argument that is a file, or begins with "sample:" or as a URI, is an image.
    """
    takes = method.takes
    if takes in (("images",), ("units",), ("words",)):
        return [arguments]
    count = 1
    if takes[0] == "units":
        count = next((place for place, one in enumerate(arguments) if place and is_image(one)), len(arguments))
    first, rest = arguments[:count], arguments[count:]
    if "images" in takes and not rest:
        raise click.UsageError(f"No image. Expected: convscope {method.name} {' '.join(METAVARS[name] for name in takes)}")
    if "images" not in takes and rest:
        raise click.UsageError(f"Received {len(arguments)} arguments, but expected one {METAVARS[takes[0]]}.")
    return [first if takes[0] == "units" else first[0], *([rest] if "images" in takes else [])]
