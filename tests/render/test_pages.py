import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
import records
from PIL import Image

from convscope.errors import OutputError
from convscope.render.pages import Picture, Section, write_index, write_pages
from convscope.render.writer import spread_of

HOSTILE = "<script>alert('1')</script>\"&$title"


class Reader(HTMLParser):
    """Collects tags, attributes and words."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.values: list[tuple[str, str]] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.values += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.words += data


def read(page: Path) -> Reader:
    reader = Reader()
    reader.feed(page.read_text("utf-8"))
    return reader


def test_hostile_words_and_names_are_escaped(tmp_path: Path) -> None:
    name = "a <b>\"'#?%41.png"
    Image.new("RGB", (20, 10)).save(tmp_path / name)
    section = Section(HOSTILE, [Picture(name, HOSTILE, HOSTILE)], HOSTILE, [HOSTILE])
    reader = read(write_index(tmp_path, HOSTILE, [section, section]))
    assert "script" not in reader.tags
    assert reader.words.count(HOSTILE) == 2 + 2 * 5 + 2
    links = [value for key, value in reader.values if key in ("src", "href") and value.startswith("./")]
    assert len(links) == 4
    assert {unquote(link) for link in links} == {f"./{name}"}
    assert all(not set(link) & set("#?<>\"'") for link in links)
    assert ("width", "20") in reader.values and ("height", "10") in reader.values


def test_the_page_asks_for_nothing_elsewhere(tmp_path: Path) -> None:
    page = write_index(tmp_path, "Demo", [Section("One", [Picture("pictures/a.png", "A")])])
    text = page.read_text("utf-8")
    assert page.name == "index.html"
    assert not re.search(r"https?://|@import|url\(", text)
    assert "light-dark(" in text and 'name="viewport"' in text
    assert 'href="./pictures/a.png"' in text


def test_links_are_relative_and_inside(tmp_path: Path) -> None:
    page = write_index(tmp_path, "Demo", [Section("One", [Picture(tmp_path / "x" / "a.png", "A")])])
    assert 'src="./x/a.png"' in page.read_text("utf-8")
    with pytest.raises(OutputError, match="outside"):
        write_index(tmp_path, "Demo", [Section("One", [Picture(tmp_path.parent / "a.png", "A")])])


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="a file stands where a folder is expected"):
        write_index(tmp_path / "file", "Demo", [])


def test_sheets_are_shown_in_parts_and_their_words_are_text_of_the_page(tmp_path: Path) -> None:
    list(write_pages(tmp_path, "top", [("one", records.top(2)), ("two", records.top(1))]))
    reader = read(tmp_path / "index.html")
    assert reader.words.count("What excites") == 2 and "From left to right: projections, image patches." in reader.words
    assert reader.words.count("conv:1") == 1 and "max 9.50 \N{MIDDLE DOT} fires on 100 %" in reader.words
    shown = [value for name, value in reader.values if name == "src"]
    assert shown == ["./parts/one-000.webp", "./parts/one-001.webp", "./parts/two-000.webp"]
    for part, expected in zip(shown, [*spread_of(records.top(2)).parts, *spread_of(records.top(1)).parts], strict=True):
        picture = np.asarray(Image.open(tmp_path / part).convert("RGBA")).astype(int)
        assert np.array_equal(picture[..., 3] > 0, expected.pixels[..., 3] > 0)
        seen = expected.pixels[..., 3] > 0
        assert np.abs(picture - expected.pixels)[seen].mean() < 12
    assert {value for name, value in reader.values if name == "href" and value.endswith(".png")} == {"./one.png", "./two.png"}
    assert [value for name, value in reader.values if name == "alt"][1].startswith("conv:1; ")


def test_parts_of_an_older_page_go_and_other_files_stay(tmp_path: Path) -> None:
    list(write_pages(tmp_path, "top", [("one", records.top(3))]))
    (tmp_path / "parts" / "one-x.webp").write_text("mine")
    list(write_pages(tmp_path, "top", [("one", records.top(1))]))
    assert sorted(path.name for path in (tmp_path / "parts").iterdir()) == ["one-000.webp", "one-x.webp", "one.json"]


def test_pictures_without_parts_are_shown_whole(tmp_path: Path) -> None:
    list(write_pages(tmp_path, "all", [("dossier", records.dossier())]))
    reader = read(tmp_path / "index.html")
    assert [value for name, value in reader.values if name == "src"] == ["./dossier.png"] and ("href", "./dossier.html") in reader.values
    assert [path.name for path in (tmp_path / "parts").iterdir()] == ["dossier.json"]


def test_what_is_kept_is_shown_as_it_was_drawn(tmp_path: Path) -> None:
    list(write_pages(tmp_path, "all", [("one", records.top(2)), ("two", records.dossier())]))
    first = (tmp_path / "index.html").read_bytes()
    assert [result for result, _ in write_pages(tmp_path, "all", [("one", None), ("two", None)])] == [None, None]
    assert (tmp_path / "index.html").read_bytes() == first
    (tmp_path / "parts" / "one.json").write_text('{"parts": 1}')
    list(write_pages(tmp_path, "all", [("one", None)]))
    assert "./one.png" in [value for name, value in read(tmp_path / "index.html").values if name == "src"]
