"""CSV and Parquet lists of pictures: odd encodings, delimiters, columns, paths and labels; a whole one gives its rows and labels back."""

import codecs
import csv
import io
import random

import numpy as np
import pyarrow as pa
from PIL import Image
from pyarrow import parquet as pq

from convscope.images import Fit, as_batch, as_image_set
from damaging import damaged

from .running import unsound

SHORT = 40
SIDE = 4
COUNT = 5
HEADERS = ("path", "paths", "image", "file", "file_name", "filename", "name")
HOSTILE = (
    "", " ", "..", "/", "\0", "a\0.png", "../" * 200 + "etc/passwd", "n" * 5000 + ".png", "\x1b[2J", "\u202egnp.x", "/dev/zero", "list.csv",
    "http://x/0.png", "~", "*", "0.png\n", "`", "\udcff.png", "{0}", "%s",
)  # fmt: skip
LABELS = (
    lambda rng: rng.choice(("cat", "dog")),
    lambda rng: str(rng.randrange(10)),
    lambda rng: rng.choice(("", "x")),
    lambda rng: rng.choice(("a,b", 'say "x"', "line\nbreak", "é", "\u202e", "\x1b[31m", "\0", "nan", "=1+1", "l" * 3000)),
    lambda rng: "9" * rng.randrange(1, 400),
)
ENCODINGS = ("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp037")
KINDS = (
    pa.string(), pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.dictionary(pa.int8(), pa.string()), pa.int8(),
    pa.uint64(), pa.float32(), pa.bool_(), pa.list_(pa.int32()), pa.struct([("x", pa.int8())]), pa.timestamp("s"), pa.decimal128(9, 2),
    pa.null(),
)  # fmt: skip


def attempt(number, folder):
    """Write five pictures and a list of them, read the list, its labels and its pictures."""
    rng = random.Random(number)
    for place in range(COUNT):
        Image.new("L", (SIDE, SIDE), 40 * place).save(folder / f"{place}.png")
    write = rng.choice((comma_separated, parquet))
    path, data, rows = write(rng, folder)
    changed = damaged(data, rng) if rng.random() < 0.5 else data
    path.write_bytes(changed)
    images = as_image_set(path)
    if changed != data:
        for source in images.sources[:50]:
            assert source.label is None or isinstance(source.label, str)
    elif rows is not None:
        found = [(source.path, source.label) for source in images.sources]
        assert found == rows, f"{found} where {rows} was written"
    batch = as_batch(images.sources and path, Fit(1, (SIDE, SIDE)))
    assert not any(map(unsound, batch.notes)), batch.notes
    if changed == data and rows is not None:
        wanted = [40 * int(name[0]) for name, _ in rows if name[:1].isdigit()]
        assert np.round(batch.pixels[:, 0, 0, 0] * 255).astype(int).tolist() == wanted, "other pictures"
        return f"{path.suffix} right"
    return f"{path.suffix} read"


def names(rng):
    """Return names of pictures in any order, perhaps with a hostile one, and whether all of them are sound."""
    found = [f"{rng.randrange(COUNT)}.png" for _ in range(rng.randrange(1, 9))]
    sound = rng.random() < 0.6
    if not sound:
        found[rng.randrange(len(found))] = rng.choice(HOSTILE)
    return found, sound


def comma_separated(rng, folder):
    """Return a path, bytes, and the rows (name, label) that must be read, None where a refusal or another reading is as well."""
    found, sound = names(rng)
    labels = [rng.choice(LABELS)(rng) for _ in found] if rng.random() < 0.7 else None
    header = [
        rng.choice(HEADERS).upper() if rng.random() < 0.2 else rng.choice(HEADERS),
        *([rng.choice(("label", "class"))] if labels else []),
    ]
    rows = [[name, *([labels[place]] if labels else [])] for place, name in enumerate(found)]
    delimiter = rng.choice(",;\t")
    file = io.StringIO()
    writer = csv.writer(
        file, delimiter=delimiter, quoting=rng.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)), lineterminator=rng.choice(("\n", "\r\n"))
    )
    headed = rng.random() < 0.7
    writer.writerows([header, *rows] if headed else rows)
    text = file.getvalue()
    if rng.random() < 0.1:
        text += rng.choice(('"', "x" * 200_000, "\n" * 1000, "," * 1000, "\0"))
        sound = False
    encoding = rng.choice(ENCODINGS)
    odd = any("\0" in one or one != one.strip() or len(one) > 1000 for one in labels or ())
    plain = sound and encoding in ("utf-8", "utf-8-sig", "utf-16") and not odd and (headed or not any("," in one for one in labels or ()))
    data = text.encode(encoding, "surrogateescape" if encoding.startswith("utf-8") else "replace")
    data = (codecs.BOM_UTF8 if rng.random() < 0.05 and encoding == "utf-8" else b"") + data
    path = folder / f"list{rng.choice(('.csv', '.csv', '.tsv', '.CSV'))}"
    return path, data, [(name, (labels[place] or None) if labels else None) for place, name in enumerate(found)] if plain else None


def parquet(rng, folder):
    """Return the same for a table whose columns are of any type."""
    found, sound = names(rng)
    kind = rng.choice(KINDS) if rng.random() < 0.3 else pa.string()
    named = column([name.encode("utf-8", "replace").decode() for name in found], kind)
    columns = {rng.choice(HEADERS) if rng.random() < 0.9 else rng.choice(("", "p", "path\0", "\x1b[2J")): named}
    labels = [rng.choice(LABELS)(rng) for _ in found]
    if rng.random() < 0.7:
        columns["label"] = column([None if rng.random() < 0.2 else one for one in labels], rng.choice(KINDS))
    if rng.random() < 0.2:
        columns["width"] = pa.array(range(len(found)))
    file = io.BytesIO()
    options = {"compression": rng.choice(("none", "zstd", "snappy", "gzip")), "row_group_size": rng.choice((1, 3, 1000))}
    pq.write_table(pa.table(columns), file, data_page_version=rng.choice(("1.0", "2.0")), use_dictionary=rng.random() < 0.5, **options)
    label = columns.get("label")
    textual = label is None or pa.types.is_string(label.type)
    plain = sound and kind == pa.string() and next(iter(columns)) in HEADERS and textual
    words = label.to_pylist() if label is not None else [None] * len(found)
    return folder / "list.parquet", file.getvalue(), list(zip(found, words, strict=True)) if plain else None


def column(words, kind):
    """Return text as a column of a type, None where it is not one."""
    if pa.types.is_dictionary(kind) or str(kind) == "string_view":
        return pa.array(words, pa.string()).cast(kind)
    makers = {
        "string": str,
        "large_string": str,
        "binary": str.encode,
        "float": len,
        "double": len,
        "bool": bool,
        "list<item: int32>": lambda one: [1, 2],
    }
    makers |= {"list<element: int32>": lambda one: [1, 2], "struct<x: int8>": lambda one: {"x": 1}, "null": lambda one: None}
    make = makers.get(str(kind), lambda one: len(one) % 100)
    return pa.array([None if one is None else make(one) for one in words], kind)
