"""What is shown below a notebook's cell: tables, several results, bars. The notebooks of examples/ run when the site is built."""

import json

import pytest

import convscope as cs
from convscope import notebook, progress
from convscope.notebook import MOST_ROWS, MOST_SHOWN, several, table

pytestmark = pytest.mark.once


class Formatter:
    """IPython's, as far as `several_in_a_list` asks."""

    def __init__(self):
        self.type_printers = {tuple: "another package's"}

    def for_type(self, kind, printer):
        self.type_printers[kind] = printer


class Shell:
    """A notebook's."""

    kernel = True

    def __init__(self):
        self.display_formatter = type("", (), {"formatters": {"text/html": Formatter()}})()


def test_words_of_a_table_are_text():
    html = table({"<name>": ["<script>alert(1)</script>", "a\nb"], "number": [0.123456, 2.0]}, "a & b")
    assert "<script>" not in html and "&lt;script&gt;" in html and "&lt;name&gt;" in html and "a &amp; b" in html
    assert "<td>0.1235</td>" in html and "<td>2</td>" in html and "a b" in html


def test_a_long_table_shows_its_ends():
    html = table({"n": list(range(1000))})
    assert html.count("<tr>") == MOST_ROWS + 2 and "<td>0</td>" in html and "<td>999</td>" in html and "1,000 rows" in html


def test_several_results_in_a_list_are_shown():
    one = cs.layers("fashion")
    assert several([one, one]).count("<table") == 2
    assert several([one, "else"]) is None and several([]) is None
    many = several([one] * (MOST_SHOWN + 5))
    assert many.count("<table") == MOST_SHOWN and "5 more are not shown" in many


def test_a_picture_in_a_list_holds_itself():
    html = several((cs.saliency("fashion", "predictions:3", "sample:cat"),))
    assert "data:image/png;base64,iVBOR" in html and "Saliency(predictions:3 (Dress) in " in html


def test_lists_are_registered_where_nobody_else_shows_them(monkeypatch):
    shell = Shell()
    monkeypatch.setattr(notebook, "kernel", lambda: shell)
    notebook.several_in_a_list()
    assert shell.display_formatter.formatters["text/html"].type_printers == {list: several, tuple: "another package's"}


def test_a_map_is_a_page_that_holds_its_data():
    page = cs.tsne("fashion", "sample:fashion[0-59]").page()
    assert "data/start.js" in page.html and 'src="site' not in page.html and 'href="site' not in page.html
    assert "script-src &#x27;unsafe-inline&#x27; blob:" in page.html
    assert page._repr_html_().startswith('<iframe srcdoc="&lt;!doctype html&gt;')


def test_a_page_elsewhere_is_named_and_one_beside_is_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert '<iframe src="an%20atlas/index.html"' in notebook.page_frame(tmp_path / "an atlas" / "index.html", "Atlas")
    assert "<iframe" not in notebook.page_frame(tmp_path.parent / "elsewhere" / "index.html", "Atlas")


def test_a_bar_shows_itself_when_the_work_lasts_and_vanishes(monkeypatch):
    shown, now = [], iter(range(100))

    class Output:
        def __init__(self, html):
            self.show = shown.append
            self.show(html)

    monkeypatch.setattr(progress, "kernel", lambda: True)
    monkeypatch.setattr(progress, "Output", Output)
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(now))
    assert list(progress.track(range(3), "<climbing>")) == [0, 1, 2]
    assert shown[0] == '<div>&lt;climbing&gt; <progress max="3" value="1"></progress> 1 of 3, 2 s left</div>' and shown[-1] == ""


@pytest.mark.long
def test_a_notebook_shows_pictures_lists_tables_and_bars(tmp_path):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    cells = [
        "import convscope as cs; m = cs.load('fashion')",
        "cs.deconv(m, 'block2_conv2:3', 'sample:cat')",
        "[cs.saliency(m, f'predictions:{n}', 'sample:cat') for n in (1, 2)]",
        "cs.layers(m)",
        "run = cs.scan(m, 'sample:fashion', out='run'); run",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(book, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    kinds = [[key for output in cell.outputs for key in output.get("data", {})] for cell in book.cells]
    assert "image/png" in kinds[1] and "text/html" in kinds[2] and "text/html" in kinds[3]
    assert book.cells[2].outputs[-1].data["text/html"].count("<figure") == 2
    bars = [output for cell in book.cells for output in cell.outputs if output.get("data", {}).get("text/html") == ""]
    assert len(bars) == 1  # the scan's, which has vanished
    said = json.dumps(book)
    assert "No such comm" not in said and "stderr" not in said and "Run('run', fashion on 2,000 images" in said
