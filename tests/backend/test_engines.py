"""What convscope asks of a framework, the same from each."""

import ast
from pathlib import Path

import numpy as np
import pytest

from convscope.backend import Engine, device_name, engine, keras, ops, select
from convscope.graph.history import sharing_copy
from networks import array, tensor

X, Y = [1.0, -2.0, 3.0], [2.0, 5.0, -1.0]


def test_vjp_returns_the_output_and_a_signal_for_each_input():
    output, pullback = engine().vjp(lambda x, y: x * x * y, [tensor(X), tensor(Y)])
    by_x, by_y = pullback(tensor([1.0, 10.0, 100.0]))
    assert array(output).tolist() == [2.0, 20.0, -9.0]
    assert array(by_x).tolist() == [4.0, -200.0, -600.0]
    assert array(by_y).tolist() == [1.0, 40.0, 900.0]


def test_vjp_can_be_pulled_back_any_number_of_times():
    _, pullback = engine().vjp(lambda x: x * x, [tensor(X)])
    first = array(pullback(tensor([1.0, 1.0, 1.0]))[0])
    pullback(tensor([5.0, 5.0, 5.0]))
    assert (array(pullback(tensor([1.0, 1.0, 1.0]))[0]) == first).all()


def test_a_known_output_changes_no_gradient():
    layer = keras.layers.Conv2D(2, 3)
    pixels = tensor(np.ones((1, 400, 400, 2), np.float32))
    output, pullback = engine().vjp(layer, [pixels], lasting=True)
    upstream = ops.ones_like(output)
    stands_for, again = engine().vjp(layer, [pixels], lasting=True, output=ops.zeros_like(output))
    assert tuple(stands_for.shape) == tuple(output.shape)
    assert np.array_equal(array(again(upstream)[0]), array(pullback(upstream)[0]))


def test_an_input_that_does_not_matter_gets_zeros():
    _, pullback = engine().vjp(lambda x, y: 2.0 * x, [tensor(X), tensor(Y)])
    assert array(pullback(tensor([1.0, 1.0, 1.0]))[1]).tolist() == [0.0, 0.0, 0.0]


def test_a_tensor_given_twice_is_two_inputs_each_with_its_own_share():
    x = tensor(X)
    _, pullback = engine().vjp(lambda one, two: 2.0 * one + 3.0 * two, [x, x])
    assert [array(share).tolist() for share in pullback(tensor([1.0, 1.0, 1.0]))] == [[2.0, 2.0, 2.0], [3.0, 3.0, 3.0]]


def test_vjp_of_several_outputs_adds_their_signals():
    outputs, pullback = engine().vjp(lambda x: [2.0 * x, x * x], [tensor(X)])
    assert [array(one).tolist() for one in outputs] == [[2.0, -4.0, 6.0], [1.0, 4.0, 9.0]]
    assert array(pullback([tensor([1.0, 1.0, 1.0]), tensor([1.0, 1.0, 1.0])])[0]).tolist() == [4.0, -2.0, 8.0]


def test_an_output_that_no_input_reaches_sends_nothing_back():
    _, pullback = engine().vjp(lambda x: [ops.stop_gradient(x), 3.0 * x, ops.ones((3,))], [tensor(X)])
    ones = tensor([1.0, 1.0, 1.0])
    assert array(pullback([ones, ones, ones])[0]).tolist() == [3.0, 3.0, 3.0]
    _, pullback = engine().vjp(ops.stop_gradient, [tensor(X)])
    assert array(pullback(ones)[0]).tolist() == [0.0, 0.0, 0.0]


def test_vjp_takes_numpy_arrays():
    _, pullback = engine().vjp(lambda x: ops.sum(x * x), [np.asarray(X, dtype="float32")])
    assert array(pullback(tensor(1.0))[0]).tolist() == [2.0, -4.0, 6.0]


@pytest.mark.parametrize("compiled", [False, True])
def test_value_and_gradient_returns_what_comes_along_and_the_gradient_by_the_first(compiled):
    function = engine().value_and_gradient(lambda x, y: (ops.sum(x * x * y), x + y))
    extra, gradient = (engine().compiled(function) if compiled else function)(tensor(X), tensor(Y))
    assert array(extra).tolist() == [3.0, 3.0, 2.0]
    assert array(gradient).tolist() == [4.0, -20.0, -6.0]


def test_a_compiled_function_gives_new_values_for_new_inputs():
    doubled = engine().compiled(lambda x: 2.0 * x)
    assert [array(doubled(tensor(values))).tolist() for values in (X, Y)] == [[2.0, -4.0, 6.0], [4.0, 10.0, -2.0]]


def test_the_gradient_leaves_the_weights_alone():
    layer = keras.layers.Dense(2)
    layer.build((None, 3))
    before = array(layer.kernel).copy()
    _, pullback = engine().vjp(layer, [tensor([X])])
    pullback(tensor([[1.0, 1.0]]))
    assert (array(layer.kernel) == before).all()
    assert getattr(layer.kernel.value, "grad", None) is None


def test_the_device_has_a_name():
    assert device_name() in {"cpu", "gpu", "tpu", "cuda"}


@pytest.mark.parametrize("dtype", ["bool", "int32"])
def test_through_whole_numbers_nothing_comes_back(dtype):
    output, pullback = engine().vjp(lambda x: ops.cast(x, dtype), [tensor(X)])
    assert array(pullback(tensor([1.0, 1.0, 1.0]))[0]).tolist() == [0.0, 0.0, 0.0]
    _, onward = engine().vjp(lambda y: ops.cast(y, "float32"), [output])
    assert array(onward(tensor([1.0, 1.0, 1.0]))[0]).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.once
@pytest.mark.parametrize("framework", select.PREFERENCE)
def test_an_engine_has_the_functions_of_the_protocol_and_no_others(framework):
    """mypy compares their types; read as text, because only one framework runs in a process."""
    tree = ast.parse(Path(select.__file__).with_name(f"{framework}_engine.py").read_text("utf-8"))
    public = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")}
    assert public == {name for name, member in vars(Engine).items() if callable(member) and not name.startswith("_")}


def test_a_copy_of_a_layer_has_a_gradient_of_its_own():
    """An engine may keep something with a layer; a copy with other weights that took it along would send signals down by the old ones."""
    layer, values = keras.layers.Conv2D(1, 3, use_bias=False), np.ones((1, 516, 516, 1), "float32")
    layer(values[:, :4, :4])
    kernels = []
    for scale in (1.0, 2.0):
        layer = sharing_copy(layer, _kernel=keras.Variable(scale * array(layer.kernel)))
        output, pullback = engine().vjp(layer, [tensor(values)], lasting=True)
        kernels.append(array(pullback(ops.ones_like(output))[0])[0, 0, 0, 0])
        assert np.isclose(kernels[-1], array(layer.kernel)[0, 0, 0, 0], atol=1e-5)
    assert np.isclose(kernels[1], 2 * kernels[0], atol=1e-5)
