"""Layers in the words of Keras 1, Keras 2 and TensorFlow 2, with settings drawn at random, in files written here without any Keras.

Where the layer has a twin in NumPy (`old_twins.py`), the network that convscope reads must compute the same; else it is read or refused.
"""

import json

import h5py
import numpy as np

import convscope
import old_twins as twins
from convscope.backend import ops
from convscope.errors import ConvscopeError

SHORT = 40
ACTIVATIONS = "linear relu tanh sigmoid hard_sigmoid softplus softsign elu selu softmax swish exponential".split()
FIRST_ACTIVATIONS = ACTIVATIONS[:7]
VERSIONS = {1: ("1.0.8", "1.2.2"), 2: ("2.0.9", "2.1.6", "2.2.4", "2.3.1"), 3: ("2.2.4-tf", "2.4.0", "2.11.0", "2.15.0")}


class Case:
    """One layer of generation 1 (Keras 1), 2 (Keras 2) or 3 (tf.keras): its class, config, weights, the input's shape, the twin."""

    def __init__(self, rng, generation):
        self.rng, self.generation = rng, generation
        self.release = str(rng.choice(VERSIONS[generation]))
        self.weights, self.shape, self.twin = [], (8, 7, 3), None
        self.class_name, self.config = "", {}

    def pick(self, *values):
        return values[self.rng.integers(len(values))]

    def act(self, *, gate=False):
        if gate:
            return str(self.pick("hard_sigmoid", "sigmoid", "tanh"))
        return str(self.rng.choice(FIRST_ACTIVATIONS if self.generation == 1 else ACTIVATIONS))

    def array(self, *shape):
        return self.rng.normal(0, 1 / np.sqrt(max(np.prod(shape[:-1]), 1)), shape)

    def words(self, **settings):
        """Keep settings in the words of the generation."""
        old = {"units": "output_dim", "filters": "nb_filter", "padding": "border_mode", "strides": "subsample", "use_bias": "bias"}
        old |= {"recurrent_activation": "inner_activation"}
        for key, value in settings.items():
            self.config[old.get(key, key) if self.generation == 1 else key] = value


def dense(case):
    case.class_name, case.shape = "Dense", (6, 3)
    act, kernel, bias = case.act(), case.array(3, 4), case.array(4)
    case.words(units=4, activation=act, use_bias=True)
    case.weights = [("kernel", kernel), ("bias", bias)]
    case.twin = lambda x: twins.activation(act, x @ kernel + bias)
    if case.generation == 1:
        case.class_name = "TimeDistributedDense"


def convolution(case):
    act, padding, strides = case.act(), case.pick("same", "valid"), case.pick([1, 1], [2, 1], [2, 2])
    rows, columns = case.pick((3, 3), (2, 3), (1, 2))
    dilation = case.pick(1, 2) if strides == [1, 1] and case.generation > 1 else 1
    kernel, bias = case.array(rows, columns, 3, 4), case.array(4)
    act = "relu" if act == "softmax" and case.generation == 1 else act
    case.words(filters=4, activation=act, padding=padding, strides=strides, use_bias=True)
    if case.generation == 1:
        case.class_name = "Convolution2D"
        case.config |= {"nb_row": rows, "nb_col": columns, "dim_ordering": "tf"}
    else:
        case.class_name = "Conv2D"
        case.config |= {"kernel_size": [rows, columns], "dilation_rate": [dilation] * 2}
    case.weights = [("kernel", kernel), ("bias", bias)]
    case.twin = lambda x: twins.activation(act, twins.convolution(x, kernel, bias, strides, padding, dilation))


def deconvolution(case):
    act, padding, step = case.pick("relu", "hard_sigmoid", "tanh"), case.pick("same", "valid"), case.pick(1, 2, 3)
    rows, columns = case.pick((3, 3), (3, 4), (4, 5)) if step == 3 else case.pick((3, 3), (2, 4), (2, 3))
    kernel, bias = case.array(rows, columns, 2, 3), case.array(2)
    extra = [int(case.rng.integers(step)) for _ in range(2)]
    sides = (8, 7)
    if case.generation == 1:
        shape = [step * (side - 1) + one + add for side, one, add in zip(sides, (rows, columns), extra, strict=True)]
        shape = [step * side - add for side, add in zip(sides, extra, strict=True)] if padding == "same" else shape
        case.class_name = "Deconvolution2D"
        case.config |= {"nb_row": rows, "nb_col": columns, "dim_ordering": "tf", "output_shape": [None, *shape, 2]}
        case.weights = [("kernel", kernel.transpose(0, 1, 3, 2)), ("bias", bias)]
    else:
        case.class_name = "Conv2DTranspose"
        case.config["kernel_size"] = [rows, columns]
        shape = [step * side + (max(one - step, 0) if padding == "valid" else 0) for side, one in zip(sides, (rows, columns), strict=True)]
        case.weights = [("kernel", kernel), ("bias", bias)]
    case.words(filters=2, activation=act, padding=padding, strides=[step, step], use_bias=True)
    case.twin = lambda x: twins.activation(act, twins.deconvolution(x, kernel, bias, (step, step), padding, shape))
    uneven = case.generation == 1 and padding == "same" and any(extra)
    if uneven and any(side % step == 0 and one % 2 == 0 for side, one in zip(shape, (rows, columns), strict=True)):
        case.twin = None  # Keras 3 cannot make it; it is refused


def pooling(case):
    largest, padding, window = case.pick(True, False), case.pick("same", "valid"), case.pick([2, 2], [3, 2])
    strides = case.pick(window, [1, 1], [2, 1])
    case.class_name = "MaxPooling2D" if largest else "AveragePooling2D"
    case.config = {"pool_size": window, "strides": None if strides == window and case.pick(True, False) else strides}
    case.config |= {"border_mode": padding, "dim_ordering": "tf"} if case.generation == 1 else {"padding": padding}
    case.twin = lambda x: twins.pooling(x, window, strides, padding, largest)


def padding(case):
    top, bottom, left, right = (int(one) for one in case.rng.integers(0, 4, 4))
    case.class_name = "ZeroPadding2D"
    pairs = [[top, bottom], [left, right]]
    if case.generation == 1:
        by_name = {"top_pad": top, "bottom_pad": bottom, "left_pad": left, "right_pad": right}
        form = case.pick([top, bottom, left, right], {name: by_name[name] for name in by_name if by_name[name]}, [top, left])
        pairs = [[top, top], [left, left]] if form == [top, left] else pairs
    else:
        form = case.pick(pairs, [top, left])
        pairs = [[top, top], [left, left]] if form == [top, left] else pairs
    case.config = {"padding": form}
    case.twin = lambda x: np.pad(x, [*pairs, [0, 0]])


def upsampling(case):
    times = case.pick([2, 2], [2, 3])
    case.class_name, case.config = "UpSampling2D", {"size": times}
    corners = case.generation == 2 and case.release >= "2.2" and case.pick(True, False)
    if corners:
        case.config["interpolation"] = "bilinear"
        case.twin = lambda x: twins.stretched(twins.stretched(x, 0, times[0]), 1, times[1])
    else:
        case.twin = lambda x: x.repeat(times[0], 0).repeat(times[1], 1)


def normalization(case):
    epsilon = float(case.pick(1e-3, 1e-5))
    scale, center = (case.pick(True, False) for _ in range(2)) if case.generation > 1 else (True, True)
    gamma, beta, mean = (case.array(3) for _ in range(3))
    variance = case.rng.uniform(0.5, 1.5, 3)
    case.class_name = (
        case.pick("BatchNormalization", "BatchNormalizationV1", "SyncBatchNormalization") if case.generation == 3 else "BatchNormalization"
    )
    case.config = {"epsilon": epsilon, "axis": case.pick(-1, 3) if case.generation < 3 else case.pick([3], 3)}
    groups = case.generation == 3 and case.pick(True, False)
    if case.generation == 1:
        case.config |= {"mode": 0, "momentum": 0.99, "beta_init": "zero", "gamma_init": "one"}
    else:
        case.config |= {"scale": scale, "center": center, "momentum": 0.99}
    if groups:
        case.config |= {"virtual_batch_size": 2, "axis": [4], "fused": False}
    names = ["running_mean", "running_std"] if case.generation == 1 else ["moving_mean", "moving_variance"]
    kept = [("gamma", gamma)] * scale + [("beta", beta)] * center
    case.weights = [*kept, (names[0], mean), (names[1], variance)]
    if groups:
        case.weights = [(name, array.reshape(1, 1, 1, 1, 3)) for name, array in case.weights]
    gain, shift = (gamma if scale else 1.0), (beta if center else 0.0)
    case.twin = lambda x: (x - mean) / np.sqrt(variance + epsilon) * gain + shift


def rectifiers(case):
    alpha = float(case.rng.uniform(0.05, 0.6))
    kind = case.pick("LeakyReLU", "ELU", "ThresholdedReLU", "PReLU", "ReLU", "Activation")
    act = case.act()
    act = "tanh" if act == "softmax" and case.generation == 1 else act
    kind = "Activation" if kind == "ReLU" and case.generation == 1 else kind
    slopes, low = case.rng.uniform(0.1, 0.4, (1, 1, 3)), float(case.rng.uniform(0.0, 0.3))
    case.class_name = kind
    case.config = {
        "LeakyReLU": {"alpha": alpha},
        "ELU": {"alpha": alpha},
        "ThresholdedReLU": {"theta": alpha},
        "PReLU": {"shared_axes": [1, 2]},
        "ReLU": {"max_value": 1.0, "negative_slope": alpha, "threshold": low},
        "Activation": {"activation": act},
    }[kind]
    case.weights = [("alpha", slopes)] if kind == "PReLU" else []
    case.twin = {
        "LeakyReLU": lambda x: np.where(x > 0, x, alpha * x),
        "ELU": lambda x: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
        "ThresholdedReLU": lambda x: x * (x > alpha),
        "PReLU": lambda x: np.where(x > 0, x, slopes * x),
        "ReLU": lambda x: np.where(x >= 1, 1.0, np.where(x > low, x, alpha * (x - low))),
        "Activation": lambda x: twins.activation(act, x),
    }[kind]


CELLS = {"SimpleRNN": (1, 1, twins.simple_step), "LSTM": (4, 2, twins.lstm_step), "GRU": (3, 1, twins.gru_step)}
GATES = {"LSTM": "icfo", "GRU": "zrh"}  # the order in which Keras 1 wrote them
PLACES = {"LSTM": "ifco", "GRU": "zrh"}


def recurrent(case):
    draw_recurrent(case)
    step, states, everything, backwards = with_weights(case)
    case.twin = lambda x: twins.sequence(step, x, states, everything, backwards)


def draw_recurrent(case):
    """Draw the settings of a recurrent layer."""
    kind = case.pick("SimpleRNN", "LSTM", "GRU")
    case.class_name, case.shape = kind, (5, 3)
    case.words(units=case.pick(2, 3), activation=case.pick("tanh", "relu", "hard_sigmoid", "sigmoid"), use_bias=True)
    if kind != "SimpleRNN":
        case.words(recurrent_activation=case.act(gate=True))
    case.config |= {"return_sequences": case.pick(True, False), "go_backwards": case.pick(True, False)}
    case.config |= {"stateful": case.pick(True, False), "unroll": False}
    if kind == "GRU" and case.generation == 3:
        case.config["reset_after"] = case.pick(True, False)
    if case.generation == 1:
        case.config |= {"consume_less": case.pick("cpu", "gpu"), "inner_init": "orthogonal", "dropout_W": 0.0}
    elif kind != "SimpleRNN" and not case.config.get("reset_after", kind == "LSTM" and case.generation == 3) and case.pick(True, False):
        for key in ("activation", "recurrent_activation", "use_bias", "unroll", "reset_after"):
            case.config.pop(key, None)
        case.class_name = f"CuDNN{kind}"


def with_weights(case):
    """Draw the weights of a recurrent layer; return its step, its first states, and whether it keeps all outputs and goes backwards."""
    config, kind = case.config, case.class_name.removeprefix("CuDNN")
    units = config.get("units") or config["output_dim"]
    gates, states, maker = CELLS[kind]
    kernel, kept, bias = case.array(3, gates * units), case.array(units, gates * units), case.array(gates * units)
    case.weights = [("kernel", kernel), ("recurrent_kernel", kept), ("bias", bias)]
    act, gate = config.get("activation"), config.get("recurrent_activation", config.get("inner_activation"))
    if case.class_name.startswith("CuDNN"):
        step = cudnn(case, kind, kernel, kept, units)
    elif config.get("reset_after"):
        biases = case.array(2, gates * units)
        case.weights[2] = ("bias", biases)
        step = twins.gru_after_step(kernel, kept, biases, act, gate)
    else:
        step = maker(kernel, kept, bias, act, gate)
        if case.generation == 1 and kind in GATES and config["consume_less"] == "cpu":
            case.weights = by_gate(kind, kernel, kept, bias)
    return step, [np.zeros(units)] * states, config["return_sequences"], config["go_backwards"]


def by_gate(kind, kernel, kept, bias):
    parts = {}
    for letter, array in (("W", kernel), ("U", kept), ("b", bias)):
        for gate, part in zip(PLACES[kind], np.split(array, len(PLACES[kind]), axis=-1), strict=True):
            parts[f"{letter}_{gate}"] = part
    return [(f"{letter}_{gate}", parts[f"{letter}_{gate}"]) for gate in GATES[kind] for letter in "WUb"]


def cudnn(case, kind, kernel, kept, units):
    """Make the case a layer of cuDNN's, whose file keeps every kernel turned round and two biases; return its step."""
    gates = CELLS[kind][0]
    biases = case.array(2, gates * units)
    turned = np.hstack([one.T.reshape(one.shape) for one in np.hsplit(kernel, gates)])
    kept_turned = np.hstack([one.T for one in np.hsplit(kept, gates)])
    case.weights = [("kernel", turned), ("recurrent_kernel", kept_turned), ("bias", biases.reshape(-1))]
    if kind == "GRU":
        return twins.gru_after_step(kernel, kept, biases, "tanh", "sigmoid")
    return twins.lstm_step(kernel, kept, biases.sum(0), "tanh", "sigmoid")


def conv_lstm(case):
    act, gate, padding = case.pick("tanh", "hard_sigmoid"), case.act(gate=True), case.pick("same", "valid")
    kernel, kept, bias = case.array(3, 2, 3, 8), case.array(3, 2, 2, 8), case.array(8)
    everything, backwards = case.pick(True, False), case.pick(True, False)
    case.class_name, case.shape = "ConvLSTM2D", (3, 6, 5, 3)
    case.words(filters=2, activation=act, recurrent_activation=gate, padding=padding)
    case.config |= {"return_sequences": everything, "go_backwards": backwards}
    case.config |= {"nb_row": 3, "nb_col": 2, "dim_ordering": "tf"} if case.generation == 1 else {"kernel_size": [3, 2], "strides": [1, 1]}
    case.weights = [("kernel", kernel), ("recurrent_kernel", kept), ("bias", bias)]
    if case.generation == 1:
        case.weights = by_gate("LSTM", kernel, kept, bias)
    step = twins.conv_lstm_step(kernel, kept, bias, (1, 1), padding, act, gate)
    sides = (6, 5) if padding == "same" else (4, 4)
    case.twin = lambda x: twins.sequence(step, x, [np.zeros((*sides, 2))] * 2, everything, backwards)


def bidirectional(case):
    """Wrap a recurrent layer and its copy, which goes the other way with weights of its own."""
    draw_recurrent(case)
    halves = []
    for side in ("forward", "backward"):
        step, states, everything, backwards = with_weights(case)
        halves.append((step, [(f"{side}:{name}", array) for name, array in case.weights]))
    mode = case.pick("sum", "mul", "concat", "ave")
    case.config = {"merge_mode": mode, "layer": {"class_name": case.class_name, "config": {**case.config, "name": "inner"}}}
    case.class_name, case.weights = "Bidirectional", [*halves[0][1], *halves[1][1]]

    def twin(x):
        y = twins.sequence(halves[0][0], x, states, everything, backwards)
        back = twins.sequence(halves[1][0], x, states, everything, not backwards)
        back = back[::-1] if everything else back
        return {"sum": y + back, "mul": y * back, "ave": (y + back) / 2, "concat": np.concatenate([y, back], -1)}[mode]

    case.twin = twin


def time_distributed(case):
    """Apply a layer of pictures to each of a sequence of them."""
    case.pick(convolution, rectifiers, normalization, pooling, padding)(case)
    inner, shape = case.twin, case.shape
    if "virtual_batch_size" in case.config:
        case.config.pop("virtual_batch_size")
        case.config["axis"] = [3]
    case.config = {"layer": {"class_name": case.class_name, "config": {**case.config, "name": "inner"}}}
    case.class_name, case.shape = "TimeDistributed", (2, *shape)
    case.twin = lambda x: np.array([inner(one) for one in x])


def untold(case):
    """Draw a layer without a twin; or one that Keras 3 lost."""
    choices = {
        "MaxoutDense": {"output_dim": 3, "nb_feature": 2},
        "Highway": {"activation": "linear"},
        "SReLU": {},
        "LocallyConnected2D": {"filters": 2, "kernel_size": [2, 2]},
        "LocallyConnected1D": {"filters": 2, "kernel_size": [2]},
        "Merge": {"mode": case.pick("sum", "lambda", "cos")},
        "Lambda": {"function": case.pick("relu", ["4wEAAA=", None, None]), "function_type": case.pick("function", "lambda")},
        "BatchNormalization": {"mode": case.pick(1, 2)},
        "Resizing": {"height": 5, "width": 4, "interpolation": case.pick("area", "gaussian", "bicubic", "mitchellcubic")},
        "LSTM": {"units": 3, "time_major": True},
        "Attention": {"causal": True},
        "Dense": {"units": case.pick(0, -1, None, 10**9), "activation": case.pick("swish", "nothing", None, {})},
    }
    case.class_name = case.pick(*choices)
    case.config = choices[case.class_name]


LAYERS = (
    dense, convolution, deconvolution, pooling, padding, upsampling, normalization, rectifiers,
    recurrent, recurrent, conv_lstm, bidirectional, time_distributed, untold,
)  # fmt: skip


OLD_NAMES = {"kernel": "W", "recurrent_kernel": "U", "bias": "b", "alpha": "alphas"}


def stored_name(case, layer, name):
    """Return what the generation called a variable of a layer, or of one side of a Bidirectional."""
    side, _, last = name.rpartition(":")
    if case.generation == 1:
        return f"{f'{side}_inner' if side else layer}_{OLD_NAMES.get(last, last)}:0"
    return f"{layer}/{f'{side}_inner/' if side else ''}{last}:0"


def written(case, path):
    """Write the layer's model as that Keras did, alone or inside a nested model."""
    name, inside, old = "layer_1", "inside", case.generation < 3
    entry = {
        "class_name": case.class_name,
        "config": {"name": name, "trainable": True, **case.config, "batch_input_shape": [None, *case.shape]},
    }
    layers = [entry]
    nested = case.generation > 1 and case.pick(True, False, False)
    if nested:
        layers = [{"class_name": "Sequential", "config": {"name": inside, "layers": layers}}]
    group_name = inside if nested else name
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"], file.attrs["backend"] = case.release, "tensorflow"
        file.attrs["model_config"] = json.dumps(
            {"class_name": "Sequential", "config": layers if old else {"name": "model", "layers": layers}}
        )
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = [group_name.encode()]
        group = weights.create_group(group_name)
        for stored, array in case.weights:
            group.create_dataset(stored_name(case, name, stored), data=np.asarray(array, "float32"))
        group.attrs["weight_names"] = [stored_name(case, name, stored).encode() for stored, _ in case.weights]


def attempt(number, folder):
    """Make case `number`, and return "read", "refused" or "read, no twin"; a number that differs is an AssertionError."""
    rng = np.random.default_rng(number)
    case = Case(rng, int(rng.integers(1, 4)))
    LAYERS[rng.integers(len(LAYERS))](case)
    path = folder / "old.h5"
    written(case, path)
    said = f"{case.release} {case.class_name} {case.config}"
    try:
        network = convscope.load(path, preprocess="unit").network
    except ConvscopeError as error:
        assert str(error).isprintable(), said
        assert case.twin is None, f"{said} is refused: {error}"
        return "refused"
    if case.twin is None:
        return "read, no twin"
    x = np.round(rng.normal(0, 1, (2, *case.shape)), 3)
    found = np.asarray(ops.convert_to_numpy(network(x.astype("float32"), training=False)))
    wanted = np.array([case.twin(one) for one in x])
    assert found.shape == wanted.shape, f"{said}: {found.shape}, not {wanted.shape}"
    error = np.abs(found - wanted).max() / max(np.abs(wanted).max(), 1e-3)
    assert error < 2e-4, f"{said}: {error:.1e}"
    return "read"
