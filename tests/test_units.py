"""The address grammar."""

import pytest

from convscope.errors import UnitError
from convscope.units import Unit, parse


@pytest.mark.parametrize(
    ("text", "layer", "channels", "position"),
    [
        ("block4_conv2:17", "block4_conv2", (17,), None),
        ("block4_conv2:17@3,5", "block4_conv2", (17,), (3, 5)),
        (" conv:17 @ 3 , 5 ", "conv", (17,), (3, 5)),
        ("base/conv1:0", "base/conv1", (0,), None),
        ("conv1#2:0", "conv1#2", (0,), None),
        ("conv:0-3", "conv", (0, 1, 2, 3), None),
        ("conv:7-7", "conv", (7,), None),
        ("conv:3,17", "conv", (3, 17), None),
        ("conv:5, 0-2 ,1", "conv", (5, 0, 1, 2), None),
        ("conv:all", "conv", "all", None),
        ("conv:all@0,1", "conv", "all", (0, 1)),
        ("predictions:tabby cat", "predictions", "tabby cat", None),
        ("predictions:T-shirt/top", "predictions", "T-shirt/top", None),
        ("conv", "conv", None, None),
        ("conv:٣", "conv", "٣", None),
    ],
)
def test_an_address_is_read(text, layer, channels, position):
    pattern = parse(text)
    assert (pattern.layer, pattern.channels, pattern.position) == (layer, channels, position)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        ":3",
        "conv:",
        "conv: ",
        "conv:3-",
        "conv:-3",
        "conv:3,,4",
        "conv:5-3",
        "conv:0-9999999",
        "conv:3--5",
        "conv:3 5",
        "conv:1@+3,5",
        "conv:1@٣,٤",
        "conv:1@3",
        "conv:" + "9" * 5000,
    ],
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(UnitError):
        parse(text)


@pytest.mark.parametrize("place", ["@", "@3", "@3,", "@-1,2", "@3,5,7", "@a,b"])
def test_what_is_no_position_is_refused_with_an_example(place):
    with pytest.raises(UnitError, match="@3,5"):
        parse(f"conv:1{place}")


def test_a_backward_range_is_answered_with_the_forward_one():
    with pytest.raises(UnitError, match="Write 3-5"):
        parse("conv:5-3")


@pytest.mark.parametrize("unit", [Unit("conv", 3), Unit("base/conv#2", 3, (4, 5))])
def test_a_unit_prints_as_the_address_that_it_is_parsed_from(unit):
    pattern = parse(str(unit))
    assert Unit(pattern.layer, pattern.channels[0], pattern.position) == unit


@pytest.mark.parametrize(
    ("unit", "slug"),
    [(Unit("base/conv1", 0), "base-conv1-0"), (Unit("conv#2", 3, (4, 5)), "conv#2-3@4,5")],
)
def test_the_slug_is_a_file_name(unit, slug):
    assert unit.slug == slug


def test_units_sort_by_layer_then_channel():
    assert sorted([Unit("b", 0), Unit("a", 10), Unit("a", 9)]) == [Unit("a", 9), Unit("a", 10), Unit("b", 0)]
