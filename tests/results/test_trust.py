"""Numbers and their words; and that the page says what the code holds."""

import math
import re
from pathlib import Path

import pytest

from convscope.results.trust import CONTRADICTED, CURVES, DOUBTFUL, NUMBERS, SCALES, SUPPORTED, UNTOLD, above

pytestmark = pytest.mark.once
PAGE = (Path(__file__).parents[2] / "docs" / "trust.md").read_text("utf-8")


def test_a_scale_reads_small_numbers_as_good_where_they_are():
    path, others = SCALES["path"], SCALES["others"]
    assert [path.word(value) for value in (0.9, 0.5, 0.3, 0.1, -2)] == [SUPPORTED, SUPPORTED, DOUBTFUL, CONTRADICTED, CONTRADICTED]
    assert [others.word(value) for value in (0.2, 0.5, 0.6, 0.8)] == [SUPPORTED, SUPPORTED, DOUBTFUL, CONTRADICTED]
    assert path.word(math.nan) == UNTOLD
    assert above(0.6, 0.2) == pytest.approx(0.5) and math.isnan(above(1.0, 1.0)) and math.isnan(above(0.5, math.nan))


def test_the_page_has_the_thresholds_and_the_columns_of_the_code():
    rows = re.findall(r"^\| (.+?) \| (?:from|up to) ([\d.]+) \| (?:from|up to) ([\d.]+) \| (.+) \|$", PAGE, re.MULTILINE)
    assert [(name, float(good), float(bad), why) for name, good, bad, why in rows] == [
        (one.name, one.supported, one.contradicted, one.reason) for one in SCALES.values()
    ]
    assert [one in PAGE for one in (f"| `{name}` | {words} |" for name, words in (NUMBERS | CURVES).items())] == [True] * (
        len(NUMBERS) + len(CURVES)
    )
    for scale in SCALES.values():
        assert len(scale.meaning.split()) <= 25 and scale.meaning.endswith(".")
