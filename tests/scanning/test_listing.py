"""Which image has which id: the names that a run knows keep their places, whatever order and company they come in."""

from collections import Counter

import numpy as np
import pytest

from convscope.images import ImageSet
from convscope.images.source import FileSource
from convscope.scanning import columns, open_run
from convscope.scanning.listing import all_there, listed_in
from convscope.tables import parquet_blocks

pytestmark = pytest.mark.once


def given(names):
    return ImageSet(tuple(FileSource(name=name, label=f"class {len(name)}", folder="/", path=str(n)) for n, name in enumerate(names)), None)


def twin(known, names):
    """Return the ids and sources of a run that knows these names, by a dictionary of all."""
    by_key, seen = {}, Counter()
    for place, name in enumerate(names):
        by_key[name, seen[name]] = place
        seen[name] += 1
    seen, places = Counter(), []
    for name in known:
        places.append(by_key.pop((name, seen[name]), -1))
        seen[name] += 1
    return [*known, *(names[place] for place in by_key.values())], [*places, *by_key.values()]


@pytest.mark.parametrize("seed", range(8))
def test_known_names_keep_their_ids_and_new_ones_come_behind(tmp_path, seed):
    chance = np.random.default_rng(seed)
    (tmp_path / "shards").mkdir()
    known = []
    for _ in range(4):
        new = [str(one) for one in chance.integers(0, 30, chance.integers(0, 9))]
        names = [*known, *new] if chance.random() < 0.5 else [str(one) for one in chance.permutation([*known, *new])]
        names = names[: len(names) - int(chance.integers(0, 2))] if chance.random() < 0.3 else names
        if not names:
            continue
        listed, places = listed_in(tmp_path, given(names))
        expected, where = twin(known, names)
        assert (list(listed.names), places.tolist()) == (expected, where)
        sources = all_there(tmp_path, listed, places, given(names), dict.fromkeys(range(len(places)), "gone"))
        assert [one.name for one in sources] == expected
        known = expected


def test_the_table_of_images_is_written_by_blocks_and_read_as_one(tmp_path, monkeypatch):
    import arithmetic

    arithmetic.scan(tmp_path / "once", 200)
    monkeypatch.setattr(columns, "ROWS_AT_ONCE", 64)
    arithmetic.scan(tmp_path / "blocks", 200)
    once, blocks = open_run(tmp_path / "once").images, open_run(tmp_path / "blocks").images
    assert [one.count for one in parquet_blocks(tmp_path / "blocks" / "images.parquet")] == [64, 64, 64, 8]
    assert once.texts == blocks.texts and all(np.array_equal(once.numbers[name], blocks.numbers[name]) for name in once.numbers)
