"""Values in two bytes: half of a float32, rounded to the nearest."""

import numpy as np
import pytest

from convscope.formats.sample_file import packed, unpacked

pytestmark = pytest.mark.once


def test_values_come_back_to_eight_bits_in_their_order_and_none_overflows():
    rng = np.random.default_rng(0)
    values = np.sort((rng.normal(size=4000) * 10.0 ** rng.uniform(-30, 30, 4000)).astype(np.float32))
    found = unpacked(packed(values))
    assert np.abs(found / values - 1).max() <= 2.0**-8 and (np.diff(found) >= 0).all()
    assert unpacked(packed(np.float32([70_000.0, 15_000.0]))).tolist() == [70_144.0, 14_976.0]


def test_each_code_stands_for_itself_and_a_tie_goes_to_the_even_one():
    codes = np.arange(2**16).astype(np.uint16)
    values = unpacked(codes)
    exact = np.isfinite(values) & (codes != 0x8000)  # zero has no sign
    assert np.array_equal(packed(values)[exact], codes[exact])
    ties = np.float32([1 + 2**-8, 1 + 3 * 2**-8])
    assert unpacked(packed(ties)).tolist() == [1.0, 1 + 4 * 2**-8]


def test_what_is_no_number_stays_so_and_the_largest_stays_finite():
    largest = np.finfo(np.float32).max
    found = unpacked(packed(np.float32([np.nan, -np.nan, np.inf, -np.inf, largest, -largest, -0.0])))
    assert np.isnan(found[:2]).all() and found[2] == np.inf and found[3] == -np.inf
    assert np.isfinite(found[4:]).all() and found[4] == -found[5] > 3.38e38 and not np.signbit(found[6])
