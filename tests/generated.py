"""Generated networks: any layer of keras.layers or operation of keras.ops, with any of its parameters, among a few ordinary layers.

The same number always makes the same network on the same backend.
"""

import inspect
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from convscope.backend import keras

Rng = np.random.Generator
TRIES = 12
SHAPES: dict[int, list[tuple[int | None, ...]]] = {
    0: [(6,)],
    1: [(12, 4), (16, 3), (None, 3), (4, 4)],
    2: [(8, 8, 3), (8, 12, 3), (9, 7, 1), (None, None, 3), (8, 8, 4), (8, 4, 4)],
    3: [(6, 6, 6, 2), (4, 6, 8, 1)],
}
# What is no layer of its own, asks for a framework's own module or for a file, or is a base of others.
NO_LAYERS = frozenset(
    "FlaxLayer JaxLayer TFSMLayer TorchModuleWrapper InputLayer Layer Wrapper GRUCell LSTMCell SimpleRNNCell StackedRNNCells".split()
)
# No tensor of a network goes in, or none comes out, or one of numbers that lay in memory.
NO_OPERATIONS = frozenset(
    "array convert_to_numpy custom_gradient dtype empty empty_like is_tensor jvp ndim size shape arange bartlett blackman eye full "
    "geomspace hamming hanning identity kaiser linspace logspace ones tri vectorize zeros".split()
)
PAIRS = frozenset("Add Average Concatenate Dot Maximum Minimum Multiply Subtract Attention AdditiveAttention".split())
QUERIES = frozenset("MultiHeadAttention GroupQueryAttention".split())
SEQUENCES = frozenset("LSTM GRU SimpleRNN RNN Bidirectional STFTSpectrogram MelSpectrogram Masking".split())
PARTS = frozenset("fft fft2 ifft2 irfft istft".split())  # take the real and the imaginary part
ODD: list[Any] = [
    None, 0, -1, 1, 2, 3, 7, 0.5, -0.5, (1, 2), (2,), (1, 2, 3), [], "same", "nonsense", True, False, ((1, 0), (0, 2)), "float16", {}, 1e9,
    [[0]],
]  # fmt: skip
ACTIVATIONS = ["relu", "softmax", "tanh", "swish", "gelu", "linear", "sigmoid", "leaky_relu", "glu", "log_softmax", "hard_sigmoid", None]
AXES = [-1, 0, 1, 2, 3, -2, (1, 2), (-1,), [1], [1, 2], None]
DTYPES = ["float32", "float16", "bfloat16", "float64", "int32", "uint8", "bool", "complex64", "int64", "string"]


def _sizes(dims: int) -> list[Any]:
    return [1, 2, 3, 4, (2,) * dims, tuple(range(1, dims + 1)), (3,) * dims]


def _pads(dims: int) -> list[Any]:
    return [0, 1, 2, (1,) * dims, ((1, 0),) * dims, ((0, 2),) * dims, (1, 0), "valid", "same", "causal"]


def _shapes(dims: int) -> list[Any]:
    return [
        (-1,), (4, -1), (-1, 3), (2, -1, 3), (8, 24), (-1, 1, 1), (3, 8, 8), (-1, 2, 2, 2, 3), (1, -1), (-1, 8, 8, 3),
        (64, 3), (2, 2, 2, -1), (),
    ]  # fmt: skip


def _wrapped(dims: int) -> list[Any]:
    layers = keras.layers
    return [
        layers.Dense(3), layers.Conv1D(2, 2), layers.Conv2D(2, 3, padding="same"), layers.LSTM(3), layers.GRU(3, return_sequences=True),
        layers.Flatten(), layers.LSTMCell(3), layers.GRUCell(2), layers.SimpleRNNCell(4), layers.Conv2D(3, 2, activation="relu"),
        layers.LSTM(3, return_sequences=True, return_state=True), layers.Dropout(0.5), layers.BatchNormalization(), layers.MaxPooling2D(2),
    ]  # fmt: skip


def _floats(*shape: int) -> Any:
    return np.random.default_rng(7).normal(size=shape).astype("float32")


# What a parameter may be, by its name: a list, or a function of the number of spatial axes.
VALUES: dict[str, Any] = {
    "units filters n num units output_dim num_heads num_query_heads num_key_value_heads num_ops": [1, 2, 3, 4, 6],
    "key_dim head_dim value_dim input_dim num_tokens num_bins max_number num_classes bins ngrams num_segments length": [2, 3, 4, 8, 16],
    "kernel_size pool_size size strides dilation_rate output_size stride dilation": _sizes,
    "kernel": (
        lambda dims: [_floats(*(2,) * dims, 3, 4), _floats(*(3,) * dims, 3, 1), _floats(*(1,) * dims, 4, 2), _floats(*(3,) * dims, 1, 2)]
    ),
    "depthwise_kernel": lambda dims: [_floats(*(2,) * dims, 3, 2), _floats(*(3,) * dims, 4, 1)],
    "pointwise_kernel": lambda dims: [_floats(*(1,) * dims, 6, 2), _floats(*(1,) * dims, 4, 3)],
    "padding cropping": _pads,
    "output_padding": lambda dims: [None, 0, 1, (1,) * dims],
    "seed": [0, 1, 7],
    "pad_width": (
        [1, ((0, 0), (1, 1), (0, 2), (0, 0)), ((0, 0), (1, 0)), ((1, 1), (0, 0), (0, 0), (0, 0)), ((0, 0), (0, 0), (1, 1)), (1, 2)]
    ),
    "data_format": ["channels_last", "channels_first", None],
    "activation recurrent_activation": ACTIVATIONS,
    "depth_multiplier groups num_chains chain_depth power_iterations num_oov_indices block_size": [1, 2, 3],
    "axis axis1 axis2 axes source destination axisa axisb axisc attention_axes shared_axes bias_axes indices_or_sections": (
        [*AXES, 4, (0, 1), (0,)]
    ),
    "rate dropout recurrent_dropout stddev momentum epsilon alpha negative_slope threshold max_value rcond tol beta": (
        [0.0, 0.1, 0.5, 1.0, 2]
    ),
    "factor height_factor width_factor brightness_factor contrast_factor saturation_factor hue_factor x_factor y_factor threshold_factor "
    "addition_factor sigma": [0.0, 0.2, 0.5, (0.1, 0.3), (-0.2, 0.2), 1.0],
    "value_range": [(0, 255), (0.0, 1.0), (-1, 1)],
    "scale": [True, False, 0.5, 2.0, 1 / 127.5, [1.0, 2.0, 3.0]],
    "offset": [0.0, -1.0, 0.5, 1, [1.0, 2.0, 3.0]],
    "mean": [0.5, [0.1, 0.2, 0.3], 127.5, [0.1, 0.2, 0.3, 0.4]],
    "variance": [0.25, [0.5, 1.0, 2.0], 1.0, [0.1, 0.2, 0.3, 0.4]],
    "gamma": [1.0, _floats(3), _floats(4)],
    "interpolation": ["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5", "area"],
    "fill_mode": ["constant", "reflect", "wrap", "nearest"],
    "mode": (
        "horizontal vertical horizontal_and_vertical constant reflect symmetric same full valid log magnitude reduced".split()
    ),
    "output_mode": ["int", "one_hot", "multi_hot", "count", "tf_idf"],
    "merge_mode": ["sum", "mul", "concat", "ave", None],
    "score_mode": ["dot", "concat"],
    "height width": [4, 6, 8, 10, 16],
    "target_shape newshape shape output_shape": _shapes,
    "dims": lambda dims: [(2, 1), (2, 1, 3), (3, 1, 2), (1, 3, 2), (1,), (4, 3, 2, 1)],
    "equation": ["...x,xy->...y", "abc,cd->abd", "abcd,de->abce", "ab,bc->ac", "abcd,bce->ade", "abcd,de->aebc"],
    "subscripts": ["nhwc->nchw", "nhwc->nc", "nhwc,nhwc->nhw", "...c->...", "nhwc->n", "nhwc->whcn", "ab->ba"],
    "pattern": ["b h w c -> b c h w", "b h w c -> b (h w) c", "b h w c -> (b h) w c", "b l c -> b c l", "b h w c -> h b w c"],
    "layer cell": _wrapped,
    "layers cells": lambda dims: [[keras.layers.Dense(3), keras.layers.ReLU()], [keras.layers.LSTMCell(3), keras.layers.GRUCell(2)], []],
    "function f fun pyfunc body true_fn false_fn body_fun cond": (
        [lambda x: x, lambda x: x * 2.0, lambda *x: x[0], lambda x: x + x, lambda *x: x]
    ),
    "bin_boundaries": [[0.0, 0.5, 1.0], [0.3], [1, 2, 3]],
    "vocabulary": [[1, 2, 3], ["a", "b", "c"], [5]],
    "lora_rank": [None, 2],
    "dtype vocabulary_dtype reverse_dtype": DTYPES,
    "x_min nan posinf neginf fill_value initial start init_val default default_value mask_value min_freq constant_values": (
        [0.0, 0.5, -1.0, None, 0]
    ),
    "x_max stop max_freq top_db max_val delta": [1.0, 0.5, 6, 2.0],
    "repeats shift k N M kth decimals step order minlength top_paths beam_width": [1, 2, 3, 0, -1, (1, 2), (1, 1, 2, 1)],
    "indices start_indices key index": (
        [0, 1, [0, 1], (0, 0, 0, 0), np.array([0, 2, 1]), np.array([[0, 1], [1, 0]]), slice(1, 3), (0, Ellipsis)]
    ),
    "q": [50, 0.5, [0.1, 0.9], 0.9],
    "method": ["linear", "lower", "nearest", "midpoint", "sqrt"],
    "sequence_length sequence_stride fft_length frame_length frame_step output_sequence_length num_mel_bins sampling_rate": (
        [2, 3, 4, 8, 16]
    ),
    "window": ["hann", "hamming", None],
    "scaling": ["density", "spectrum", None],
    "indexing": ["xy", "ij"],
    "side": ["left", "right"],
    "strategy": ["greedy", "beam_search"],
    "ord": [1, 2, "fro", "nuc", np.inf, -1, None],
    "reduction": ["add", "max", "mul", "min", None],
    "clip_limit": [2.0, 4.0, 0.5],
    "tile_grid_size": [(2, 2), (8, 8), (1, 3)],
    "all_ops keepdims use_bias center use_scale return_sequences return_state go_backwards stateful unroll reset_after unit_forget_bias "
    "crop_to_aspect_ratio pad_to_aspect_ratio antialias synchronized renorm normalize invert sparse mask_zero expand_dims periodic "
    "power_to_db autocast full_matrices compute_uv upper lower sorted endpoint retstep increasing from_logits is_causal use_gate "
    "zero_output_for_mask tie_weights approximate right assume_unique return_counts return_index return_inverse reverse": [True, False],
}  # fmt: skip
TABLE = {name: values for names, values in VALUES.items() for name in names.split()}
INITIALIZERS = ["ones", "zeros", "random_normal", "he_normal", "glorot_uniform", "identity"]
TENSORS = frozenset(
    "x x1 x2 xs inputs y a b data tensor array target output targets predictions variable query key value values elems elements operands "
    "init loop_vars pred condition condlist choicelist sorted_sequence segment_ids real imag abs_ angle primals tangents weights updates "
    "sequence_lengths target_length output_length bias mask branches".split()
)


class UnbuildableError(Exception):
    """Keras itself makes no such network."""


@dataclass(frozen=True)
class Generated:
    """`tensors`: by convscope's addresses, what plain Keras computes there; `subject` is the address of what the network is about."""

    model: Any
    subject: str
    words: str
    tensors: dict[str, Any] = field(default_factory=dict)
    image: tuple[int | None, ...] = ()
    dtype: str = "float32"


@cache
def subjects() -> list[tuple[str, str]]:
    """Return ("layer" or "operation", name) of all that takes tensors."""
    found = [
        ("layer", name) for name, one in sorted(vars(keras.layers).items()) if inspect.isclass(one) and issubclass(one, keras.layers.Layer)
    ]
    found += [("operation", name) for name, one in sorted(vars(keras.ops).items()) if inspect.isfunction(one)]
    return [(kind, name) for kind, name in found if name not in NO_LAYERS | NO_OPERATIONS]


def generated(number: int) -> Generated:
    """Return the network of that number; raise UnbuildableError where Keras makes none after a few tries."""
    rng = np.random.default_rng([11, number])
    among = subjects()
    kind, name = among[number % len(among)]
    said = "nothing was tried"
    for _ in range(TRIES):
        keras.utils.clear_session(free_memory=False)
        keras.utils.set_random_seed(number)
        try:
            return _network(rng, kind, name)
        except Exception as error:
            said = f"{type(error).__name__}: {str(error)[:200]}"
    raise UnbuildableError(f"{kind} {name}: {said}")


def _network(rng: Rng, kind: str, name: str) -> Generated:
    dims = int(rng.choice([0, 1, 2, 3], p=[0.06, 0.14, 0.7, 0.1]))
    if (name[-2:] in ("1D", "2D", "3D") or name in SEQUENCES) and rng.random() < 0.9:
        dims = 1 if name in SEQUENCES else int(name[-2])
    shape = SHAPES[dims][rng.integers(len(SHAPES[dims]))]
    dtype = "float32"
    if dims == 1 and rng.random() < 0.15:
        shape, dtype = (8,), str(rng.choice(["int32", "string"], p=[0.7, 0.3]))
    image = keras.Input(shape, name="image", dtype=dtype)
    value, tensors = image, {}
    if dtype == "float32" and rng.random() < 0.5:
        value = tensors["first"] = _convolution(dims, 3, "first", rng)(value)
    place = str(rng.choice(["plain", "nested", "twice", "beside"], p=[0.66, 0.18, 0.08, 0.08]))
    words = [f"{shape} {dtype}", place]
    outer = value
    if place == "nested":
        value = keras.Input(batch_shape=value.shape, dtype=value.dtype, name="within")
    inside = value
    call, said = _layer(rng, name, dims) if kind == "layer" else _operation(rng, name, dims)
    words.append(said)
    outputs = call(value)
    if place == "twice":
        flat = _flat(outputs)
        outputs = call(flat[0] if len(flat) == 1 and flat[0].shape == value.shape else value)
    flat = _flat(outputs)
    operation = flat[0]._keras_history.operation
    subject = operation.name + ("#2" if place == "twice" and kind == "layer" else "")
    if place == "nested":
        inner = keras.Model(inside, outputs, name="inner")
        flat, subject = _flat(inner(outer)), f"inner/{subject}"
    if len(flat) == 1:
        tensors[subject] = flat[0]
    ends = flat
    if rng.random() < 0.75 and (end := _head(rng, flat, outer if place == "beside" else None, tensors)) is not None:
        ends = [end]
    model = keras.Model(image, ends[0] if len(ends) == 1 else ends, name="generated")
    return Generated(model, subject, ", ".join(words), tensors, shape, dtype)


def _flat(outputs: Any) -> list[Any]:
    found = [one for one in keras.tree.flatten(outputs) if isinstance(one, keras.KerasTensor)]
    if not found:
        raise UnbuildableError("no tensor comes out")
    return found


def _convolution(dims: int, filters: int, name: str, rng: Rng) -> Any:
    activation = [None, "relu", "tanh"][rng.integers(3)]
    if dims == 0:
        return keras.layers.Dense(filters, activation=activation, name=name)
    return getattr(keras.layers, f"Conv{dims}D")(filters, 3, padding="same", activation=activation, name=name)


def _head(rng: Rng, flat: list[Any], beside: Any, tensors: dict[str, Any]) -> Any:
    """Add ordinary layers behind the subject: a convolution or dense layer on what it computes."""
    value = flat[int(rng.integers(len(flat)))]
    if not str(value.dtype).startswith("float"):
        if "complex" in str(value.dtype) or value.dtype == "string" or rng.random() < 0.3:
            return None
        value = keras.ops.cast(value, "float32")
    if len(value.shape) < 2 or value.shape[-1] is None:
        return None
    if beside is not None and tuple(beside.shape) == tuple(value.shape):
        value = keras.layers.Add(name="beside")([value, beside])
    dims = len(value.shape) - 2
    if dims > 3 or (dims and rng.random() < 0.3 and None not in value.shape[1:]):
        value, dims = keras.layers.Flatten(name="flat")(value), 0
    value = tensors["head"] = _convolution(dims, 3, "head", rng)(value)
    if dims and rng.random() < 0.5:
        value = tensors["average"] = getattr(keras.layers, f"GlobalAveragePooling{dims}D")(name="average")(value)
        value = tensors["out"] = keras.layers.Dense(3, activation="softmax", name="out")(value)
    return value


def _layer(rng: Rng, name: str, dims: int) -> tuple[Any, str]:
    kind = getattr(keras.layers, name)
    config: dict[str, Any] = {}
    signature = next(inspect.signature(one.__init__) for one in inspect.getmro(kind) if "__init__" in vars(one))
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY) and parameter.name not in (
            "self",
            "name",
            "trainable",
        ):
            _draw(rng, parameter, dims, config)
    layer = kind(**config, name="subject")
    words = f"{name}({_said(config)})"

    def call(value: Any) -> Any:
        if name in PAIRS:
            second = value if rng.random() < 0.5 else keras.layers.ReLU(name=None)(value)
            return layer([value, second] if rng.random() < 0.8 else [value, second, value])
        return layer(value, value) if name in QUERIES else layer(value)

    return call, words


def _operation(rng: Rng, name: str, dims: int) -> tuple[Any, str]:
    function = getattr(keras.ops, name)
    config: dict[str, Any] = {}
    tensors: list[tuple[str, int]] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name == "name" or parameter.kind is parameter.VAR_KEYWORD:
            continue
        needed = parameter.name in TENSORS and (parameter.default is parameter.empty or rng.random() < 0.2)
        if needed or parameter.kind is parameter.VAR_POSITIONAL:
            tensors.append((parameter.name, int(rng.integers(7)) if tensors else 0))
        else:
            _draw(rng, parameter, dims, config)
    several = name in ("concatenate", "stack", "hstack", "vstack", "dstack", "meshgrid")
    listed = [key for key, _ in tensors if key in ("xs", "condlist", "choicelist", "operands", "branches")]
    words = f"ops.{name}({', '.join(f'{key}~{form}' for key, form in tensors)}; {_said(config)})"

    def call(value: Any) -> Any:
        given = {key: _given(value, form) for key, form in tensors}
        given |= {key: [given[key], given[key]] for key in listed}
        positional = [given.pop(key) for key, _ in tensors]
        if name in PARTS:
            positional[0] = (value, keras.ops.negative(value))
        if name in ("einsum", "cond", "while_loop", "map", "vectorized_map", "scan", "associative_scan", "switch", "fori_loop"):
            front = [
                config.pop(key)
                for key in list(config)
                if key in ("subscripts", "pred", "cond", "body", "f", "function", "index", "lower", "upper")
            ]
            return function(*front, *positional, **config)
        if several and not listed:
            positional = [positional] if name != "meshgrid" else positional
        names = [key for key, _ in tensors]
        by_name = dict(zip(names, positional, strict=True))
        if any(one.kind is one.VAR_POSITIONAL for one in inspect.signature(function).parameters.values()):
            return function(*positional, **config)
        return function(**by_name, **config)

    return call, words


def _said(config: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value!r}" for key, value in config.items())


def _given(value: Any, form: int) -> Any:
    """Return the tensor that an operation is given: the value, or something made of it, or a constant."""
    last = value.shape[-1] or 3
    forms = [
        lambda: value,
        lambda: value,
        lambda: keras.ops.negative(value),
        lambda: _floats(last),
        lambda: 2.0,
        lambda: keras.ops.cast(keras.ops.multiply(value, 4.0), "int32"),
        lambda: np.arange(last),
    ]
    return forms[form]()


def _draw(rng: Rng, parameter: inspect.Parameter, dims: int, config: dict[str, Any]) -> None:
    """Add a value for a parameter, mostly a sensible one, or leave its default."""
    name, optional = parameter.name, parameter.default is not parameter.empty
    if optional and rng.random() < 0.62:
        return
    if rng.random() < (0.06 if optional else 0.04):
        config[name] = ODD[rng.integers(len(ODD))]
        return
    values = TABLE.get(name)
    if name.endswith("_initializer"):
        values = INITIALIZERS
    elif name.endswith("_regularizer"):
        values = ["l2", None]
    elif name.endswith("_constraint"):
        values = ["non_neg", "unit_norm", None]
    if values is None:
        if not optional:
            config[name] = ODD[rng.integers(len(ODD))]
        return
    values = values(dims) if callable(values) else values
    config[name] = values[rng.integers(len(values))]
