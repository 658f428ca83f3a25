"""Compact lists of texts are the texts, in little memory."""

import json
import tracemalloc

import pytest

from convscope.formats import journal_files
from convscope.formats.journal_files import names_digest, read_sources, write_sources
from convscope.words import Choices, Words

pytestmark = pytest.mark.once
TEXTS = ["", "a/b.png", "מלון", "🦊.jpg", "<script>", "..", "x" * 300, "\ud800"]


def test_they_are_the_texts():
    words, choices = Words(TEXTS), Choices([*TEXTS, None, "..", None])
    assert (list(words), words[2:5], words[-1], len(words)) == (TEXTS, TEXTS[2:5], TEXTS[-1], len(TEXTS))
    assert list(choices) == [*TEXTS, None, "..", None] and choices.words == tuple(TEXTS) and choices.codes.tolist()[-3:] == [-1, 5, -1]
    assert (len(Words()), len(Choices()), Choices().codes.tolist()) == (0, 0, [])
    with pytest.raises(IndexError):
        words[len(TEXTS)]


def test_a_million_names_take_their_bytes_and_a_dozen_more():
    tracemalloc.start()
    words, choices = Words(f"n{i % 1000:04}/{i:08}.jpg" for i in range(100_000)), Choices(f"n{i % 1000}" for i in range(100_000))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(words) == len(choices) == 100_000 and held / 100_000 < 18 * 1.2 + 12 * 1.2 + 2


def test_a_list_of_images_is_written_and_summed_by_blocks(tmp_path, monkeypatch):
    names, labels = [f"{i}.png" for i in range(70)], [None if i % 3 else "fox" for i in range(70)]
    monkeypatch.setattr(journal_files, "NAMES_AT_ONCE", 32)
    assert names_digest(names, labels) == journal_files.digest(json.dumps([names, labels]).encode())
    (tmp_path / "shards").mkdir()
    write_sources(tmp_path, names, labels)
    assert [list(one) for one in read_sources(tmp_path)] == [names, labels]
