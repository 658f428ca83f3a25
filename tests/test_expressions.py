"""The algebra of objectives, and the grammar they are written in."""

import contextlib
import time

import pytest

from convscope.errors import UnitError
from convscope.expressions import OBJECTIVES, Direction, Objective, Term, as_objective, direction, is_address, objective
from convscope.units import Unit, parse, slug


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("conv:17", [Term(1, "conv", 17)]),
        ("conv:17@3,5", [Term(1, "conv", 17, (3, 5))]),
        ("a:1 - b:2", [Term(1, "a", 1), Term(-1, "b", 2)]),
        ("a:1 + 0.5*b:2", [Term(1, "a", 1), Term(0.5, "b", 2)]),
        ("a:1  -  1e-3 * b:2", [Term(1, "a", 1), Term(-1e-3, "b", 2)]),
        ("-a:1 - .5*b:2", [Term(-1, "a", 1), Term(-0.5, "b", 2)]),
        ("a:1 - - b:2", [Term(1, "a", 1), Term(1, "b", 2)]),
        ("2*a:1 - -3*b:2", [Term(2, "a", 1), Term(3, "b", 2)]),
        ("a-b:1 - c_d:2", [Term(1, "a-b", 1), Term(-1, "c_d", 2)]),
        ("in/conv#2:0 + a:1", [Term(1, "in/conv#2", 0), Term(1, "a", 1)]),
        ("odds(predictions:tabby cat)", [Term(1, "predictions", "tabby cat", odds=True)]),
        ("odds( out:3 ) - 2*out:1", [Term(1, "out", 3, odds=True), Term(-2, "out", 1)]),
        ("conv:dir/cats.npy@1,2", [Term(1, "conv", "dir/cats.npy", (1, 2))]),
        ("conv", [Term(1, "conv", None)]),
        ("conv@3,5", [Term(1, "conv", None, (3, 5))]),
        ("out:T-shirt/top - out:Bag", [Term(1, "out", "T-shirt/top"), Term(-1, "out", "Bag")]),
    ],
)
def test_an_expression_is_read_and_written_alike(text, terms):
    found = objective(text)
    assert list(found.terms) == terms
    assert objective(str(found)) == found


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("", "without a term"),
        ("a:1 +", "without a term"),
        ("a:1 + ", "without a term"),
        ("a:1 + + + b:1", "not a term"),
        ("a:0-3 - b:1", "several units"),
        ("a:1,2 + b:1", "several units"),
        ("a:all - b:1", "several units"),
        ("odds(a)", "does not name a class"),
        ("odds(a:v.npy)", "does not name a class"),
        ("2*", "not a term"),
        ("x*a:1", "not a term"),
        ("(a:1 + b:1)", "not a term"),
        ("a:1@3 + b:1", "@3,5"),
        ("a:1 + b:", "not the address of a unit"),
        ("1e999*a:1", "`1e999` is larger than every number"),
    ],
)
def test_what_is_no_expression_is_refused(text, fact):
    with pytest.raises(UnitError, match=fact):
        objective(text)


@pytest.mark.parametrize(
    "text",
    [
        "a:1" + " " * 100_000,
        "a:1" + " " * 100_000 + "x",
        "+" + " " * 100_000 + "x",
        "1" * 100_000,
        "1" * 100_000 + "*a:1",
        "1e" + "9" * 100_000 + "*a:1",
        "0.5" + " " * 100_000 + "x",
        "a:1" + " + a:1" * 16_000,
        "- " * 50_000,
        "(" * 100_000,
        "odds(" * 20_000,
        "a@" * 50_000,
        "a:" + "9" * 100_000,
        "a:" + "0-999999," * 11_000 + "1",
        "a:0-999999999",
        "a:" + "," * 100_000,
        "a:1@" + "9" * 100_000 + ",1",
        "*a" * 50_000 + "b",
    ],
    ids=range(18),
)
def test_the_time_grows_with_the_length_of_the_text_and_no_faster(text):
    started = time.process_time()
    for read in (objective, is_address, parse, slug):
        with contextlib.suppress(UnitError):
            read(text)
    assert time.process_time() - started < 1


A, B = objective("a:1"), objective("b:2@0,0")


def test_objectives_are_a_vector_space():
    assert Objective() == A - A
    assert A + A == 2 * A == A * 2 == objective("2*a:1")
    assert objective("a:1 - 0.5*b:2@0,0") == A - 0.5 * B
    assert -(A - B) == B * 1 - A or set((-(A - B)).terms) == set((B - A).terms)
    assert (A + B) / 2 == 0.5 * A + 0.5 * B
    assert sum([A, B, A]) == 2 * A + B
    assert Objective() == 0 * A
    assert A + Unit("b", 2, (0, 0)) == A + B == "a:1" + B
    assert hash(A + B) == hash(objective("a:1 + b:2@0,0"))


@pytest.mark.parametrize("weight", [0.1, 1 / 3, 1e-9, 12345678.9])
def test_a_written_weight_is_the_weight(weight):
    assert objective(str(weight * A)) == weight * A


def test_one_unit_is_a_unit():
    assert objective("a:1@2,3").unit == Unit("a", 1, (2, 3))
    assert all(one.unit is None for one in (2 * A, A + B, objective("a"), objective("odds(a:1)"), objective("a:tabby"), Objective()))


def test_a_direction_is_named_and_checked():
    found = direction("conv", [1, -2.5], name="stripes", position=(1, 2))
    assert str(found) == "conv:stripes@1,2"
    assert found.terms[0].channel == Direction("stripes", (1.0, -2.5))
    for wrong in ([], [0, 0], [1, float("nan")]):
        with pytest.raises(UnitError, match="and not all 0"):
            direction("conv", wrong)


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("a:1 - b:2", "a-1_minus_b-2"),
        ("-0.5*a:1 + b:2@3,4", "minus_0.5xa-1_plus_b-2@3,4"),
        ("odds(out:3)", "odds-out-3"),
        ("a-1:0 + a:1", "a-1-0_plus_a-1"),
    ],
)
def test_signs_stay_in_file_names(text, slug):
    assert objective(text).slug == slug


@pytest.mark.parametrize("text", ["conv", "a-b:1", "a:0-3", "a:3, 4", "out:great white-shark", "conv@1,2"])
def test_plain_addresses_are_told_from_expressions(text):
    assert is_address(text)


@pytest.mark.parametrize("text", ["a:1 - b:1", "2*a:1", "odds(a:1)", "-a:1"])
def test_expressions_are_told_from_plain_addresses(text):
    assert not is_address(text)


def test_anything_else_is_refused():
    with pytest.raises(UnitError, match="Expected an expression"):
        as_objective(3.5)


def spread(maps, others):
    return maps


@pytest.fixture
def registered():
    OBJECTIVES.register("spread", spread)
    yield
    OBJECTIVES._entries.pop("spread")


@pytest.mark.usefixtures("registered")
def test_a_registered_function_is_a_term():
    found = objective("0.5*spread(conv1, in/conv2) - conv1:3")
    assert found == 0.5 * objective(["conv1", "in/conv2"], spread) - objective("conv1:3")
    assert str(found) == found.recorded == "0.5*spread(conv1, in/conv2) - conv1:3"
    assert found.layer == "conv1 and in/conv2"
    assert not is_address("spread(conv1, in/conv2)")
    assert objective(["conv1"], spread, name="spread").slug == "spread-conv1"


def test_a_function_without_a_registered_name_is_recorded_as_that_and_not_read_again():
    own = objective("conv", lambda maps: maps)
    assert str(own) == "lambda(conv)"
    assert own.recorded == "unregistered <lambda>(conv)"
    with pytest.raises(UnitError, match="Python object without a name"):
        objective(own.recorded)
    with pytest.raises(UnitError, match="No objective `spred`"):
        objective("spred(conv)")
    for wrong in (("conv", 3), ([], spread), (["conv", 3], spread), (3, None)):
        with pytest.raises(UnitError, match="Expected"):
            objective(*wrong)
