"""Habits of translated English that docs, messages, docstrings and comments keep out (docs/style.md)."""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

import convscope

pytestmark = pytest.mark.once

ROOT = Path(__file__).parent.parent
SOURCE = Path(convscope.__file__).parent
GENERATED = {"commands.md", "library.md"}
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(path for path in sorted((ROOT / "docs").rglob("*.md")) if path.name not in GENERATED),
]
LONGEST = 25  # words, of nine sentences in ten
ABBREVIATION = re.compile(r"\b(al|e\.g|i\.e)\.")
END = re.compile(r"(?<=[.?!])[)\"*]*\s+(?=convscope\b|[A-Z`\"(*\[\d])")
HABITS = {
    "is no x, for is not an x": re.compile(r"(?<!here )\b(is|are) no (?!longer\b|more\b)[a-z]+\b"),
    "is none": re.compile(r"(?<!here )\b(is|are) none\b"),
    "goes on, for resumes": re.compile(r"\b(goes|go|went) on\b"),
    "what was, as a noun": re.compile(r"\bwhat (was|is|were) (given|told|asked|said|reached|stopped|chosen|found)\b"),
    "be it, for even": re.compile(r"\bbe (it|they)\b"),
    "but for, for except": re.compile(r"\bbut for\b"),
    "a word of politeness or of comfort": re.compile(r"\b(please|simply|wherein|such as it is)\b", re.IGNORECASE),
}


def prose(page):
    """The paragraphs, items and quotations of a page, without code, tables, headings and pictures."""
    text = re.sub(r"```.*?```|<!--.*?-->", "\n\n", page.read_text("utf-8"), flags=re.DOTALL)
    text = re.sub(r"^\s*(\||#|!\[).*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"^\s*([-*]|\d+\.|>) ", "\n\n", text, flags=re.MULTILINE)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", re.sub(r"`[^`]*`", "`code`", text))
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def sentences(page):
    return [sentence for part in prose(page) for sentence in END.split(ABBREVIATION.sub(r"\1", part))]


def docstrings(tree):
    return {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body and isinstance(node.body[0], ast.Expr)
    }


def messages(path):
    """The text of a file's literals that are sentences, docstrings left out."""
    tree = ast.parse(path.read_text("utf-8"))
    left_out = docstrings(tree)
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in left_out and " " in node.value.strip()
    ]


def asides(path):
    """The docstrings and comments of a file."""
    text = path.read_text("utf-8")
    nodes = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef))
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [*filter(None, map(ast.get_docstring, nodes)), *(token.string for token in tokens if token.type == tokenize.COMMENT)]


def found(texts):
    """What of the habits is in some texts, but for what they quote between backticks."""
    return [
        f"{habit}: {match[0]!r} in {text[:80]!r}"
        for text in texts
        for habit, pattern in HABITS.items()
        if (match := pattern.search(re.sub(r"`[^`]*`", "`", text)))
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_sentences_of_the_docs_are_short(page):
    lengths = sorted(len(re.findall(r"\S*\w\S*", sentence)) for sentence in sentences(page))
    assert lengths and lengths[int(0.9 * (len(lengths) - 1))] <= LONGEST, [one for one in sentences(page) if len(one.split()) > LONGEST]


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "style.md"], ids=lambda page: page.name)
def test_the_docs_have_no_habit_of_translated_english(page):
    assert found(prose(page)) == []


def test_the_program_has_no_habit_of_translated_english():
    assert {path.name: words for path in sorted(SOURCE.rglob("*.py")) if (words := found(messages(path)))} == {}


def test_docstrings_and_comments_have_no_habit_of_translated_english():
    assert {path.name: words for path in sorted(SOURCE.rglob("*.py")) if (words := found(asides(path)))} == {}


@pytest.mark.parametrize("text", ["It is no picture.", "The scan goes on.", "This is none.", "Please wait.", "It shows what was found."])
def test_the_habits_are_found(text):
    assert found([text])


def test_good_english_is_left_alone():
    assert found(["There are no units.", "It is no longer there.", "`x` has no labels.", "The folder `is no picture` exists."]) == []
