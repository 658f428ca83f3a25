"""What pictures say of how they were made, changed at random and replayed: no file outside their folder is opened, whatever they name."""

import functools
import json
import os
import random
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin

import convscope
from convscope.backend import keras
from convscope.formats.checksums import sealed
from convscope.formats.picture import COMPRESSION, KEY
from convscope.replaying import replay, same_bytes
from damaging import damaged

SHORT = 30
# Beside each case, never to be opened: whatever a picture may name.
BAITS = ("bait.png", "bait.npy", "bait.keras", "bait.h5", "bait.csv", "bait.txt", "bait.json", "bait.zip", "photos", "run", "map")
SYSTEM = ("/etc/hostname", "/etc/passwd", "/dev/zero", "/proc/self/environ")
TEXTS = (
    "", " ", ".", "..", "/", "~", "~/x", "~nobody/x", "a\0b", "\0", "\x1b[2J", "\u202egnp", "\ud800", "\udcff", "n" * 5000, "../" * 300,
    "*", "**", "[", "[0]", "sample:cat", "sample:", "sample:fashion[0-9]", "http://x/y.png", "//host/share/a.png", "file:///etc/passwd",
    "memory", "none", "file", "imagenet", "embedded", "vgg16", "fashion", "conv:0", "conv:all", "conv:0 + " * 300 + "conv:1",
    "conv:" + "9" * 400, "nan", "True", "%s", "{0}", "<b>", "é\u0301", "auto", "best", "maco", "float32",
)  # fmt: skip
NUMBERS = (
    0, 1, -1, 2, 3, 7, 64, 10**5, 2**31, 2**63, 2**64, 10**12, 10**300, -(2**63), 0.5, -0.0, 1e308, 1e-320, float("nan"), float("inf"),
)  # fmt: skip
WORDS = (
    "labels", "architecture", "input_shape", "inputs", "custom", "unsafe", "preprocess", "start", "real", "spectrum", "run", "onto",
    "units", "unit", "layer", "steps", "size", "diversity", "every", "norm", "seed", "stop", "watch", "strongest", "switches",
    "ruleset", "most", "order", "filters", "dimensions", "perplexity", "exaggeration", "engine", "quality", "theme", "colour", "given",
    "digest", "count", "source", "weights", "name", "model", "bundle", "images", "self", "novelty", "",
)  # fmt: skip
OPENED = []
_watching = []


def _watch(event, arguments):
    if _watching and event in ("open", "os.listdir", "os.scandir") and isinstance(arguments[0], str | bytes | os.PathLike):
        OPENED.append(os.fsdecode(arguments[0]))


@functools.cache
def template():
    """Return a folder with pictures of every kind and what they were made from, and the baits, made once a process."""
    sys.addaudithook(_watch)
    root = Path(tempfile.mkdtemp(prefix="convscope-provenances-"))
    sent, rng = root / "sent", np.random.default_rng(0)
    (sent / "photos").mkdir(parents=True)
    for number in range(4):
        Image.fromarray(rng.integers(0, 256, (8, 8), np.uint8)).save(sent / "photos" / f"{number}.png")
    layers = [keras.layers.Conv2D(2, 3, name="conv"), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, "softmax", name="out")]
    keras.Sequential([keras.Input((8, 8, 1)), *layers]).save(sent / "model.keras")
    (sent / "list.csv").write_text("path\n" + "".join(f"photos/{number}.png\n" for number in range(4)))
    with zipfile.ZipFile(sent / "photos.zip", "w") as packed:
        for number in range(4):
            packed.write(sent / "photos" / f"{number}.png", f"{number}.png")
    np.save(sent / "features.npy", rng.normal(size=(12, 5)).astype(np.float32))
    np.save(sent / "direction.npy", np.ones(2, np.float32))
    model = convscope.load(sent / "model.keras", labels=["a", "b", "c"])
    run = convscope.scan(model, sent / "photos", out=sent / "run")
    made = {
        "activations": convscope.activations(model, "conv", sent / "photos" / "*.png"),
        "deconv": convscope.deconv(model, "conv:0", sent / "list.csv"),
        "saliency": convscope.saliency(model, "out:b", f"{sent / 'photos.zip'}[1-2]"),
        "ascend": convscope.ascend(model, [f"conv:{sent / 'direction.npy'}", "conv:1"], steps=2, size=8, real=sent / "photos"),
        "dream": convscope.ascend(model, "conv", steps=2, start=sent / "photos" / "1.png"),
        "tsne": convscope.tsne(None, sent / "features.npy"),
        "tsne-run": convscope.tsne(None, run),
        "top": convscope.top(None, "conv", run=run),
        "dossier": convscope.dossier(None, "conv:1", run=run, steps=2, size=8),
    }
    for name, result in made.items():
        result.save(sent / f"{name}.png")
    _make_baits(root, sent, model)
    return root


def _make_baits(root, sent, model):
    for bait, twin in (
        ("bait.png", "photos/0.png"),
        ("bait.npy", "direction.npy"),
        ("bait.keras", "model.keras"),
        ("bait.zip", "photos.zip"),
    ):
        shutil.copy(sent / twin, root / bait)
    model.network.save(root / "bait.h5")
    (root / "bait.csv").write_text("path\nbait.png\n")
    (root / "bait.txt").write_text("a\nb\nc\n")
    (root / "bait.json").write_text('["a", "b", "c"]')
    for folder in ("photos", "run"):
        shutil.copytree(sent / folder, root / folder)
    convscope.tsne(None, sent / "features.npy").save(root / "map")


@functools.cache
def pictures():
    """Return the names of the pictures."""
    return tuple(sorted(path.name for path in (template() / "sent").glob("*.png")))


def attempt(number, folder):
    """Change what a picture says, or what lies beside it, replay it, and look at what was opened."""
    rng = random.Random(number)
    shutil.copytree(template(), folder / "case", symlinks=True)
    root = folder / "case"
    sent = root / "sent"
    name = rng.choice(pictures())
    recorded = moved(json.loads((sent / name).with_suffix(".json").read_text()), root)
    manifest = moved(json.loads((sent / "run" / "manifest.json").read_text()), root)
    before = json.dumps([recorded, manifest])
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        rng.choice((change, change, change, beside))(rng, recorded, root)
    if name in ("top.png", "dossier.png", "tsne-run.png") and rng.random() < 0.5:
        manifest["given"], manifest["model"] = manifest["given"] or [], manifest["model"] or {}
        rng.choice((lambda: manifest.update(given=[path_in(rng, root)]), lambda: change(rng, manifest, root)))()
    same = before == json.dumps([recorded, manifest])
    manifest.pop("checksum", None)
    if not (sent / "run" / "manifest.json").is_symlink():
        (sent / "run" / "manifest.json").write_bytes(sealed(manifest))
    path = written(rng, recorded, sent / name, same)
    return judged(path, root, same and not any(one.is_symlink() for one in sent.rglob("*")))


def judged(path, root, same):
    """Replay a picture; say what came of it."""
    for bait in BAITS:
        for one in [root / bait, *(root / bait).rglob("*")]:
            os.utime(one, (0, one.stat().st_mtime))
    OPENED.clear()
    _watching.append(True)
    try:
        result = replay(path)
        word = "replayed"
    finally:
        _watching.clear()
        check(root)
    if same and path.suffix == ".png":
        assert same_bytes(result, path), "other bytes"
        word = "identical"
    return word


def check(root):
    """Raise AssertionError if anything outside the folder of the picture was opened: as Python saw it, or as the file system did."""
    baits = [os.path.realpath(root / bait) for bait in BAITS]
    wrong = [
        one
        for one in OPENED
        if one in SYSTEM or any((os.path.realpath(one.partition("\0")[0]) + "/").startswith(f"{bait}/") for bait in baits)
    ]
    assert not wrong, f"opened {wrong}"
    read = [bait for bait in BAITS if (root / bait).is_file() and (root / bait).stat().st_atime != 0]
    assert not read, f"read {read}"


def moved(value, root):
    """Return plain data with the template's folder replaced by that of the case."""
    return json.loads(json.dumps(value).replace(str(template()), str(root)))


def path_in(rng, root):
    """Return a path: mostly one that leads to a bait, in some spelling."""
    if rng.random() < 0.1:
        return rng.choice(SYSTEM)
    bait, sent = rng.choice(BAITS), root / "sent"
    spellings = (
        f"{root / bait}",
        f"{sent}/../{bait}",
        f"{sent}/photos/../../{bait}",
        f"/{root / bait}",
        f"{root}/./{bait}",
        f"{root / bait}/",
        f"{root / bait}[0-1]",
        f"{root / bait}[images]",
        f"{root}/b*",
        f"{root}/**/*.png",
        f"{sent}/*/../../*.png",
        os.path.relpath(root / bait),
        f"{sent}/to-{bait}",
        f"{sent}/to-{bait}/0.png",
        f"{sent}/to-{bait}[0]",
        f"{sent}/to-*",
        f"{sent}/to-*/*.png",
        f"{sent}/**/*.png",
        f"{sent}",
        f"{sent / 'photos'}",
    )
    path = rng.choice(spellings)
    if "to-" in path or rng.random() < 0.2:
        for one in (bait, rng.choice(BAITS)):
            if not (sent / f"to-{one}").is_symlink():
                (sent / f"to-{one}").symlink_to(root / one if rng.random() < 0.7 else f"../{one}")
    return path


def change(rng, recorded, root):
    """Change one value in plain data, or take it away, or add one."""
    places = list(walked(recorded))
    holder, key = rng.choice(places)
    match rng.choice(("value", "value", "path", "path", "path", "remove", "add", "swap", "method", "nest", "double")):
        case "value":
            holder[key] = odd(rng, root)
        case "path":
            holder[key] = rng.choice((lambda path: path, lambda path: [path], lambda path: f"conv:{path}", lambda path: f"input={path}"))(
                path_in(rng, root)
            )
        case "remove":
            del holder[key]
        case "add":
            inner = next((one[name] for one, name in rng.sample(places, len(places)) if isinstance(one[name], dict)), recorded)
            inner[rng.choice(WORDS)] = odd(rng, root)
        case "swap":
            other, name = rng.choice(places)
            held = holder[key]
            holder[key] = json.loads(json.dumps(other[name]))
            if name in other if isinstance(other, dict) else name < len(other):
                other[name] = json.loads(json.dumps(held))
        case "method":
            theirs = json.loads((template() / "sent" / rng.choice(pictures())).with_suffix(".json").read_text())
            for part in rng.sample(("method", "parameters", "inputs", "model"), rng.choice((1, 2, 3))):
                recorded[part] = moved(theirs[part], root)
        case "nest":
            for _ in range(rng.choice((1, 5, 150, 400))):
                holder[key] = [holder[key]] if rng.random() < 0.5 else {rng.choice(WORDS): holder[key]}
        case "double":
            holder[key] = [holder[key]] * rng.choice((2, 3, 1000))


def walked(value):
    """Yield every place in plain data as its holder and its key."""
    keys = list(value) if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list) and value[key]:
            yield from walked(value[key])


def odd(rng, root):
    """Return a value that is seldom expected."""
    simple = (
        lambda: rng.choice(TEXTS),
        lambda: rng.choice(NUMBERS),
        lambda: path_in(rng, root),
        lambda: rng.choice((None, True, False, [], {}, [None], [[]], {"": {}})),
    )
    made = rng.choice(simple)()
    return rng.choice((made, made, made, [made], [made, rng.choice(simple)()], {rng.choice(WORDS): made}))


def beside(rng, recorded, root):
    """Change what lies beside the picture, so that it leads elsewhere."""
    sent, bait = root / "sent", root / rng.choice(BAITS)
    kind = rng.choice(("link", "list", "folder", "archive", "model"))
    if kind == "link":
        victim = rng.choice(("photos/1.png", "list.csv", "photos.zip", "model.keras", "features.npy", "direction.npy", "run/manifest.json"))
        (sent / victim).unlink(missing_ok=True)
        (sent / victim).symlink_to(bait)
    elif kind == "list":
        names = [path_in(rng, root) if rng.random() < 0.7 else "photos/1.png" for _ in range(3)]
        (sent / "list.csv").unlink(missing_ok=True)
        (sent / "list.csv").write_text("path\n" + "\n".join(names))
    elif kind == "folder":
        folder = sent / rng.choice(("photos/inner", "run/features.npy", "run/units.parquet", "more"))
        folder.unlink(missing_ok=True)
        folder.symlink_to(bait)
    elif kind == "archive":
        (sent / "photos.zip").unlink(missing_ok=True)
        with zipfile.ZipFile(sent / "photos.zip", "w") as packed:
            packed.writestr("list.csv", f"path\n{bait}\n")
            linked = zipfile.ZipInfo("0.png")
            linked.external_attr = 0o120777 << 16
            packed.writestr(linked, str(bait))
    else:
        (sent / "model.keras").unlink(missing_ok=True)
        shutil.copy(template() / rng.choice(("bait.h5", "bait.txt", "bait.zip")), sent / "model.keras")


def written(rng, recorded, path, same):
    """Write what a picture says into the picture, or into its sidecar, perhaps damaged; return the path of what to replay."""
    text = json.dumps(recorded, indent=1, sort_keys=True, ensure_ascii=same or rng.random() < 0.5)
    if same:
        text = json.dumps(recorded, indent=1, sort_keys=True, ensure_ascii=False)
    data = text.encode("utf-8", "surrogatepass" if rng.random() < 0.5 else "backslashreplace")
    if not same and rng.random() < 0.1:
        data = damaged(data, rng)
    if rng.random() < 0.5:
        path.with_suffix(".json").write_bytes(data)
        return path.with_suffix(".json")
    words = PngImagePlugin.PngInfo()
    words.add_text("Software", KEY)
    words.add_text(KEY, data.decode("utf-8", "replace"))
    with Image.open(path) as picture:
        picture.load()
        told = {"dpi": picture.info["dpi"]} if "dpi" in picture.info else {}
        picture.info.clear()
        picture.save(path, "PNG", pnginfo=words, compress_level=COMPRESSION, **told)
    if not same and rng.random() < 0.05:
        path.write_bytes(damaged(path.read_bytes(), rng))
    return path
