"""Lists of pictures: CSV as people and spreadsheets write it, and Parquet."""

import numpy as np
import pytest
from PIL import Image

from convscope.embedding.vectors import holds_features
from convscope.errors import ImageError
from convscope.images import Fit, ImageStream, as_batch, as_image_set
from convscope.tables import parquet

FIT = Fit(3, (4, 4))
NAMES = ("0.png", "sub/1.png", "a, b.png")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sub").mkdir()
    for number, name in enumerate(NAMES):
        Image.new("RGB", (6, 5), (40 * number, 0, 0)).save(tmp_path / name)
    return tmp_path


def listed(path):
    sources = as_image_set(path).sources
    for source in sources:
        source.read()
    return [(source.name, source.label) for source in sources]


@pytest.mark.parametrize(
    "text",
    [
        'path,label\n0.png,cat\nsub/1.png,dog\n"a, b.png",\n',
        '0.png,cat\nsub/1.png,dog\n"a, b.png"\n',
        "\ufeffPath;Label\r\n0.png;cat\r\nsub/1.png;dog\r\na, b.png;\r\n",
        "label\tfile_name\ncat\t0.png\n\ndog\tsub/1.png\n\ta, b.png\n",
        'id,filename,class,width\n1,0.png,cat,6\n2,sub/1.png," dog ",6\n3,"a, b.png",,6\n',
        'image,category\n0.png,cat\nsub/1.png,dog\n"a, b.png",\n',
        '"0.png", "cat"\n"sub/1.png", "dog"\n"a, b.png", ""\n',
    ],
    ids=["header", "no header", "semicolons and BOM", "tabs", "more columns", "other word for label", "quotes and blanks"],
)
def test_a_csv_names_pictures_and_labels(folder, text):
    (folder / "list.csv").write_text(text, encoding="utf-8", newline="")
    assert listed(folder / "list.csv") == [("0.png", "cat"), ("sub/1.png", "dog"), ("a, b.png", None)]


def test_paths_alone_absolute_ones_and_utf_16(folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("elsewhere") / "list.tsv"
    path.write_text(f"path\n{folder / '0.png'}\n", encoding="utf-16")
    assert listed(path) == [(str(folder / "0.png"), None)]


@pytest.mark.parametrize(
    ("labels", "found"), [(["cat", None, "dog"], ["cat", None, "dog"]), (np.array([3, 1, 2]), ["3", "1", "2"]), (None, [None] * 3)]
)
def test_a_parquet_names_pictures_and_labels(folder, labels, found):
    columns = {"path": list(NAMES)} | ({} if labels is None else {"label": labels}) | {"width": np.array([6, 6, 6])}
    (folder / "list.parquet").write_bytes(parquet(columns, {}))
    assert listed(folder / "list.parquet") == list(zip(NAMES, found, strict=True))


def test_a_table_with_features_is_features_and_one_of_pictures_is_images(folder):
    tables = {
        "pictures": {"path": list(NAMES), "label": np.array([1, 2, 3]), "width": np.array([6, 6, 6])},
        "vectors": {"path": list(NAMES), "features": np.zeros((3, 4))},
        "columns": {"path": list(NAMES), **{f"f{one}": np.zeros(3) for one in range(3)}},
    }
    for name, columns in tables.items():
        columns = {key: list(one) if getattr(one, "ndim", 1) == 2 else one for key, one in columns.items()}
        if name == "vectors":
            pa = pytest.importorskip("pyarrow")
            pa.parquet.write_table(pa.table({"path": list(NAMES), "features": [[0.0] * 4] * 3}), folder / f"{name}.parquet")
        else:
            (folder / f"{name}.parquet").write_bytes(parquet(columns, {}))
    assert [name for name in tables if holds_features(folder / f"{name}.parquet")] == ["vectors", "columns"]
    assert as_batch(folder / "pictures.parquet", FIT).pixels.shape == (3, 4, 4, 3)


def test_pictures_that_are_missing_are_skipped_with_the_reason(folder):
    (folder / "list.csv").write_text("path\nmissing.png\n0.png\nsub\n")
    stream = ImageStream(as_image_set(folder / "list.csv"), FIT)
    assert [source.name for _, source in stream] == ["0.png"]
    assert "missing.png` cannot be read: No such file" in stream.skipped[0]
    assert "is a folder" in stream.skipped[1]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("list.csv", b"", "has no rows"),
        ("list.csv", b"path,label\n", "has no rows"),
        ("list.csv", b"path,label\n0.png,cat\n,dog\n", "Row 3 of .* does not name an image: ', dog'"),
        ("list.csv", b"label,path\ncat,0.png\ndog\n", "Row 3 of .* does not name an image: 'dog'"),
        ("list.csv", b"path\nelsewhere/0.png\n", "Row 2 of .* names `elsewhere/0.png`, but neither `.*` nor the files of later rows exist"),
        ("list.csv", b"0.png\n\xff\xfe\xfa.png\n", "cannot be read after line"),
        ("list.csv", b"0.png,cat\n" + b"x" * 200_000, "field larger than field limit"),
        ("list.parquet", b"PAR1 nonsense", "not a readable Parquet file"),
        ("list.parquet", parquet({"url": ["a"], "label": ["b"]}, {}), "no text column named path.*Its columns are url, label"),
        ("list.parquet", parquet({"path": ["0.png", None]}, {}), "Row 1 of .* does not name an image: its `path` is empty"),
    ],
)
def test_a_bad_list_is_an_error_that_names_the_row(folder, name, content, said):
    (folder / name).write_bytes(content)
    with pytest.raises(ImageError, match=said):
        as_image_set(folder / name)
