"""The road from seeds to windows: on parts and on whole images the same, compiled and not, whatever the order."""

from operator import attrgetter

import numpy as np
import pytest

import convscope
from convscope.graph.rules import GRADIENT, GUIDED, deconvnet
from convscope.locality import cost
from convscope.locality.cones import Cones
from convscope.network.network import as_network
from convscope.projection import compiled, driver
from convscope.projection.driver import cut, project
from convscope.projection.plan import plan_for
from convscope.projection.seeds import Seed, Spot
from convscope.units import Unit
from networks import images, residual, small

SIDE = 48
RULES = {"first": deconvnet(ties="first"), "spread": deconvnet(), "center": deconvnet("center"), "guided": GUIDED, "gradient": GRADIENT}


@pytest.fixture(scope="module")
def bundle():
    return convscope.load(small(side=SIDE), preprocess="caffe")


@pytest.fixture
def network(bundle):
    return as_network(bundle)


def known():
    seeds = [Seed(Unit("conv2", channel), image, (row, 23 - row)) for channel in range(5) for image in range(3) for row in (0, 9, 23)]
    return [Seed(Unit("predictions", 1), 2, None), *seeds[::2], Seed(Unit("conv1", 3), 0, (47, 0)), *seeds[1::2]]


def projected(network, seeds, pixels, rules):
    return sorted(project(network, seeds, pixels, rules), key=attrgetter("number"))


def on_whole_images(monkeypatch, network, seeds, pixels, rules):
    with monkeypatch.context() as patched:
        patched.setattr(driver, "plan_for", lambda *given, **more: plan_for(*given, **more)._replace(parts=None))
        return projected(network, seeds, pixels, rules)


def with_values(seeds, values):
    """Return seeds whose units' values are known."""
    return [seed if seed.position is None else seed._replace(value=one.amount) for seed, one in zip(seeds, values, strict=True)]


def check_same(found, expected, record_error):
    assert len(found) == len(expected)
    for one, whole in zip(found, expected, strict=True):
        assert (one.number, one.window, one.field, one.position) == (whole.number, whole.window, whole.field, whole.position)
        scale = np.abs(whole.signal).max() or 1.0
        assert record_error("T11", np.abs(one.signal - whole.signal).max() / scale) <= 1e-5
        assert (one.value, one.amount) == pytest.approx((whole.value, whole.amount), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("rules", ["first", "spread", "gradient"])
def test_t11_known_positions_on_parts_give_what_whole_images_do(network, rules, record_error, monkeypatch):
    pixels = images(3, SIDE, SIDE, 3)
    found = projected(network, known(), pixels, RULES[rules])
    check_same(found, on_whole_images(monkeypatch, network, known(), pixels, RULES[rules]), record_error)


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("named", ["small", "residual"])
def test_t11_holds_where_the_values_are_known(named, rules, record_error, monkeypatch):
    side, layer, model = (SIDE, "conv2", small(side=SIDE)) if named == "small" else (64, "both_relu", residual((64, 64, 3)))
    network, pixels = as_network(convscope.load(model)), images(3, side, side, 3)
    last = network.graph.find(layer).shape[1] - 1
    seeds = [
        Seed(Unit(layer, channel), image, (row, last - row)) for channel in (0, 1) for image in range(3) for row in (0, 1, last // 2, last)
    ]
    expected = on_whole_images(monkeypatch, network, seeds, pixels, RULES[rules])
    check_same(projected(network, with_values(seeds, expected), pixels, RULES[rules]), expected, record_error)


def test_what_no_image_changes_comes_down_once_for_units_alike(network, monkeypatch):
    pixels, parts, own = images(3, SIDE, SIDE, 3), [], driver._Drive._down
    seeds = [Seed(Unit("conv2", 1), image, (row, 9 + image)) for image in range(3) for row in (8, 11, 14)]
    values = on_whole_images(monkeypatch, network, seeds, pixels, RULES["center"])
    monkeypatch.setattr(
        driver._Drive, "_down", lambda drive, plan, some, *rest, **more: parts.append(len(some)) or own(drive, plan, some, *rest, **more)
    )
    monkeypatch.setattr(driver._Drive, "_forward", lambda *given: pytest.fail("a forward pass"))
    found = projected(network, with_values(seeds, values), pixels, RULES["center"])
    assert parts == [1]
    for one, other in zip(found, values, strict=True):
        assert one.window == other.window and np.abs(one.signal - other.signal).max() <= 1e-5 * max(1.0, np.abs(other.signal).max())


@pytest.mark.parametrize("heavy", [True, False], ids=["compiled", "called"])
@pytest.mark.parametrize("rules", RULES)
def test_t11_the_way_down_after_one_forward_pass_is_that_of_whole_images(rules, heavy, record_error, monkeypatch):
    monkeypatch.setattr(cost, "WORK_PER_COMPILED_CALL", 0.0 if heavy else 1e12)
    network, pixels = as_network(convscope.load(small(side=SIDE), preprocess="caffe")), images(3, SIDE, SIDE, 3)
    amount = 1.0 if rules in ("guided", "gradient") else None
    units = [Unit("conv2", 0), Unit("conv2", 3, (23, 0)), Unit("conv1", 2), Unit("conv2", 4)]
    seeds = [Seed(unit, image, amount=amount) for unit in units for image in range(3)]
    plan = plan_for(network, network.graph.find("conv2"), (SIDE, SIDE), RULES[rules], forward=True)
    assert isinstance(plan.parts, Cones) and plan.heavy == heavy and plan.read()
    found = projected(network, seeds, pixels, RULES[rules])
    check_same(found, on_whole_images(monkeypatch, network, seeds, pixels, RULES[rules]), record_error)
    maps = {layer: convscope.activations(network.bundle, layer, pixels).maps for layer in ("conv1", "conv2")}
    for one, (unit, image, *_) in zip(found, seeds, strict=True):
        assert unit.position is not None or one.value == pytest.approx(maps[unit.layer][image, ..., unit.channel].max(), rel=1e-5)
        assert one.position == unit.position or unit.position is None


@pytest.mark.parametrize("layer", ["stem", "stem_relu", "swish", "both_relu"])
@pytest.mark.parametrize("amount", [None, 1.0, -1.0], ids=["value", "slope", "falling slope"])
def test_t11_holds_where_networks_branch_and_pad(layer, amount, record_error, monkeypatch):
    network, pixels = as_network(convscope.load(residual((64, 64, 3)))), images(3, 64, 64, 3)
    seeds = [Seed(Unit(layer, channel), image, amount=amount) for channel in (0, 1) for image in range(3)]
    found = projected(network, seeds, pixels, GRADIENT)
    assert any(one.window.height < 64 for one in found)
    assert any(one.signal.any() for one in found) or not any(one.value for one in found)  # a rectified unit has no slope where it is least
    check_same(found, on_whole_images(monkeypatch, network, seeds, pixels, GRADIENT), record_error)


def test_a_slope_times_the_value_is_what_the_value_sends_down(network):
    """The way down is homogeneous (T7): a seed of 1 and a seed of the value differ by that factor; values and slopes may come mixed."""
    pixels, unit = images(2, SIDE, SIDE, 3), Unit("conv2", 1)
    row, column = np.argwhere(convscope.activations(network.bundle, "conv2", pixels).maps[0, ..., 1] > 0)[0]
    position = int(row), int(column)
    mixed = [Seed(unit, 0, position), Seed(unit, 0, position, 1.0), Seed(unit, 1), Seed(unit, 1, amount=1.0), Seed(unit, 1, amount=-2.0)]
    own, slope, strongest, its_slope, least = projected(network, mixed, pixels, RULES["spread"])
    assert own.value > 0 and np.allclose(own.signal, own.value * slope.signal, rtol=1e-4, atol=1e-5)
    assert np.allclose(strongest.signal, strongest.value * its_slope.signal, rtol=1e-4, atol=1e-5)
    assert least.value < strongest.value and least.amount == -2.0


def test_of_many_seeds_on_an_image_the_forward_pass_is_made_once(network, monkeypatch):
    pixels, passes, own = images(5, SIDE, SIDE, 3), [], driver._Drive._forward
    seeds = [Seed(Unit("conv2", channel), image, (row, 5)) for image in (3, 0, 2, 1, 4) for channel in range(5) for row in range(24)]
    few = projected(network, seeds[::60], pixels, RULES["first"])
    assert not passes
    monkeypatch.setattr(driver._Drive, "_forward", lambda drive, plans, chunk: passes.append(len(chunk)) or own(drive, plans, chunk))
    many = projected(network, seeds, pixels, RULES["first"])
    assert passes == [4, 1]
    for one, other in zip(many[::60], few, strict=True):
        assert np.abs(one.signal - other.signal).max() <= 1e-5 * max(1.0, np.abs(one.signal).max())


def test_small_fields_do_run_on_parts_and_many_of_them_compiled(bundle, network, monkeypatch):
    monkeypatch.setattr(driver._Drive, "_by_turns", lambda *given: pytest.fail("a whole image"))
    seeds = known()[1:]
    assert len(projected(network, seeds, images(3, SIDE, SIDE, 3), RULES["first"])) == len(seeds) >= compiled.WORTH_COMPILING
    assert "parts" in [key[0] for key in network.compiled.kept]


@pytest.mark.parametrize("amount", [None, -1.0], ids=["value", "slope"])
@pytest.mark.parametrize("unit", ["conv2", "predictions"])
def test_many_known_places_on_whole_images_are_one_compiled_step(network, unit, amount, record_error, monkeypatch):
    pixels = images(3, SIDE, SIDE, 3)
    seeds = [
        Seed(Unit(unit, number % 3), number % 2, (number % 24, 3) if unit == "conv2" else None, amount)
        for number in range(compiled.WORTH_COMPILING + 2)
    ]
    found = on_whole_images(monkeypatch, network, seeds, pixels, RULES["spread"])
    assert "from" in [key[0] for key in network.compiled.kept]
    monkeypatch.setattr(driver, "WORTH_COMPILING", 1000)
    check_same(found, on_whole_images(monkeypatch, network, seeds, pixels, RULES["spread"]), record_error)


def test_batches_that_do_not_divide_evenly_lose_nothing(network, monkeypatch):
    pixels = images(3, SIDE, SIDE, 3)
    at_once = projected(network, known(), pixels, RULES["first"])
    monkeypatch.setattr(compiled, "MOST_PER_BATCH", 7)
    for one, other in zip(at_once, projected(network, known(), pixels, RULES["first"]), strict=True):
        assert np.abs(one.signal - other.signal).max() <= 1e-5 * max(1.0, np.abs(one.signal).max())


def test_what_is_yielded_is_not_kept(network, monkeypatch):
    """Whatever the number of seeds, what a projection needs of memory is that of a few images: the first comes before the last is begun."""
    begun, own = [], driver._Drive._forward
    monkeypatch.setattr(driver._Drive, "_forward", lambda drive, plans, chunk: begun.append(chunk) or own(drive, plans, chunk))
    down = project(network, [Seed(Unit("conv2", 1), image) for image in range(12)], images(12, SIDE, SIDE, 3), RULES["spread"])
    first = next(down)
    assert begun == [[0, 1, 2, 3]]
    assert first.signal.base is None  # a view would keep a batch of them
    assert len(list(down)) == 11 and len(begun) == 3


def test_a_whole_map_goes_down_on_the_whole_image(network):
    pixels = images(2, SIDE, SIDE, 3)
    (one,) = project(network, [Seed(Unit("conv2", 1), 1, Spot.MAP)], pixels, RULES["spread"])
    assert one.window == one.field == (0, 0, SIDE, SIDE)
    assert one.value == pytest.approx(convscope.activations(network.bundle, "conv2", pixels).maps[1, ..., 1].max(), rel=1e-5)
    (strongest,) = project(network, [Seed(Unit("conv2", 1), 1)], pixels, RULES["spread"])
    assert strongest.position == one.position and strongest.window != one.window


def test_a_negative_value_projects_to_nothing(network):
    graph = network.graph
    call = graph.preactivation(graph.find("conv2"))
    assert call.inner  # the visible unit is rectified: its value is 0 where the map is silent
    pixels = np.zeros((1, SIDE, SIDE, 3), np.float32)
    maps = convscope.activations(network.bundle, "conv2", pixels).maps[0]
    row, column, channel = np.argwhere(maps == 0)[0]
    (one,) = project(network, [Seed(Unit("conv2", int(channel)), 0, (int(row), int(column)))], pixels, RULES["first"])
    assert one.value == 0
    assert not one.signal.any()


def test_a_window_that_reaches_over_the_border_is_zero_there():
    picture = images(4, 5, 2)
    found = cut(picture, driver.Field(-1, 3, 2, 7))
    assert found.shape == (3, 4, 2)
    assert not found[0].any() and not found[:, 2:].any()
    assert np.array_equal(found[1:, :2], picture[:2, 3:])
