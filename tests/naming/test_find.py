"""Units found by labels, by likeness, or because they are silent or the same."""

import numpy as np
import pytest

import convscope
from convscope.errors import OptionError, UnitError
from convscope.formats.names_file import read_areas
from convscope.naming.find import matches
from convscope.replaying import replay, same_bytes
from convscope.results.findings import ALIKE, DUPLICATES, LABELS, SILENT

pytestmark = pytest.mark.once


@pytest.fixture
def named(run):
    convscope.name(run)
    return run


def test_words_match_the_beginnings_of_a_labels_words():
    assert matches("dog", "Eskimo dog") and matches("DOG", "dogsled") and not matches("dog", "hotdog")
    assert matches("cat striped", "striped cat") and not matches("cat", "") and not matches("", "cat") and matches("(a", "b (a)")


def test_units_of_a_label_stand_in_the_order_of_the_chosen_half_with_the_area_of_the_other(named):
    found = convscope.find(named, "top")
    assert found.kind == LABELS and found.matched == ("top",) and str(found.units[0].unit) == "sums:0"
    chosen, tested = read_areas(named.path)
    place, rows = named.names.vocabulary.index("top"), [named.names.row(one.unit.layer, one.unit.channel) for one in found.units]
    assert [one.value for one in found.units] == pytest.approx(tested[rows, place].tolist())
    assert sorted(chosen[rows, place].tolist(), reverse=True) == pytest.approx([one.chosen for one in found.units])
    assert found.total == 7 and len(convscope.find(named, "top", count=2).units) == 2  # the silent one has no area
    assert [layer for layer, _ in found.depth] == list(named.layers) and str(found.depth[1][1].unit) == "sums:0"
    several = convscope.find(named, "m")
    assert several.matched == ("middle",)


def test_a_unit_finds_those_that_fire_as_it_does_and_duplicates_are_pairs(named):
    alike = convscope.find(named, "maps:0")
    values = np.log1p(np.maximum(named.sample("maps"), 0))
    assert alike.kind == ALIKE and str(alike.units[0].unit) == "maps:2"  # half of it
    assert alike.units[0].value == pytest.approx(np.corrcoef(values[:, 0], values[:, 2])[0, 1], abs=1e-5)
    assert alike.units[0].name == named.names.of("maps", 2)
    pairs = convscope.find(named, "duplicates")
    assert pairs.kind == DUPLICATES and (str(pairs.units[0].unit), str(pairs.units[0].beside)) == ("maps:0", "maps:2")


def test_silent_units_are_listed_by_layer(run):
    found = convscope.find(run, "silent")  # needs no names
    fires = {layer: run.units(layer).fires for layer in run.layers}
    assert [str(one.unit) for one in found.units] == [
        f"{layer}:{place}" for layer in run.layers for place in np.flatnonzero(fires[layer] == 0)
    ]
    assert found.kind == SILENT and found.depth[0][1].value == pytest.approx((fires["maps"] == 0).mean())


def test_what_cannot_be_found_says_what_to_do(run, named):
    with pytest.raises(OptionError, match=r"None of the 4 labels of .* matches `mdle`\. Closest of its labels: middle"):
        convscope.find(named, "mdle")
    (named.path / "names.parquet").unlink()
    with pytest.raises(OptionError, match=r"holds no names yet\. Make them: convscope\.name\("):
        convscope.find(named, "top")
    with pytest.raises(UnitError, match="`nowhere` was not measured"):
        convscope.find(named, "nowhere:3")
    with pytest.raises(OptionError, match="Received no run"):
        convscope.find(None, "top")


def test_it_is_drawn_printed_and_made_again(named, tmp_path):
    for words in ("top", "maps:0", "silent", "duplicates"):
        found = convscope.find(named, words, count=5)
        assert found.summary()["kind"] == found.kind and list(found.listing()) == list(found.as_columns())
        (path, *_) = found.save(tmp_path / f"{found.kind}.png")
        assert same_bytes(replay(path, allow=named.path), path)
    assert found.to_table().num_rows == len(found.units)
