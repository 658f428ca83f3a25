"""What the layers of Keras 1 and 2 computed, written once more in NumPy, in float64 and with loops: one input, channels last."""

import numpy as np


def activation(name, x):
    """Return the activation that Keras 1 and 2 called `name`."""
    e = np.exp(-np.abs(x))
    sigmoid = np.where(x >= 0, 1 / (1 + e), e / (1 + e))
    softplus = np.maximum(x, 0) + np.log1p(e)
    negative = np.expm1(np.minimum(x, 0))
    return {
        "linear": x,
        "relu": np.maximum(x, 0),
        "tanh": np.tanh(x),
        "sigmoid": sigmoid,
        "hard_sigmoid": np.clip(0.2 * x + 0.5, 0, 1),
        "softplus": softplus,
        "softsign": x / (1 + np.abs(x)),
        "elu": np.where(x > 0, x, negative),
        "selu": 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * negative),
        "softmax": np.exp(x - x.max(-1, keepdims=True)) / np.exp(x - x.max(-1, keepdims=True)).sum(-1, keepdims=True),
        "swish": x * sigmoid,
        "exponential": np.exp(np.minimum(x, 50)),
    }[name]


def padded(x, window, strides, fill=0.0):
    """Return x with TensorFlow's padding "same" along its axes but the last."""
    sides = []
    for size, one, step in zip(x.shape, window, strides, strict=False):
        missing = max((-(-size // step) - 1) * step + one - size, 0)
        sides.append((missing // 2, missing - missing // 2))
    return np.pad(x, [*sides, (0, 0)], constant_values=fill)


def windows(x, window, strides):
    """Yield the place of each window in the result, and the window."""
    counts = [(size - one) // step + 1 for size, one, step in zip(x.shape, window, strides, strict=False)]
    for place in np.ndindex(*counts):
        yield place, x[tuple(slice(at * step, at * step + one) for at, step, one in zip(place, strides, window, strict=True))]


def gathered(x, window, strides, function):
    """Return `function` of every window, put in its place."""
    found = {place: function(part) for place, part in windows(x, window, strides)}
    counts = [max(place[axis] for place in found) + 1 for axis in range(len(window))]
    return np.array([found[place] for place in np.ndindex(*counts)]).reshape(*counts, -1)


def convolution(x, kernel, bias, strides, padding, dilation=1):
    """Return a convolution of any rank."""
    rank = kernel.ndim - 2
    wide = np.zeros((*[(side - 1) * dilation + 1 for side in kernel.shape[:rank]], *kernel.shape[rank:]))
    wide[tuple(slice(None, None, dilation) for _ in range(rank))] = kernel
    x = padded(x, wide.shape[:rank], strides) if padding == "same" else x
    return gathered(x, wide.shape[:rank], strides, lambda part: np.tensordot(part, wide, rank + 1)) + bias


def pooling(x, window, strides, padding, largest):
    """Return the largest value or the mean of each window; what is padded does not count."""
    x = padded(x, window, strides, np.nan) if padding == "same" else x
    axes = tuple(range(len(window)))
    return gathered(x, window, strides, lambda part: np.nanmax(part, axes) if largest else np.nanmean(part, axes))


def deconvolution(x, kernel, bias, strides, padding, shape):
    """Return the transposed convolution of that shape: the gradient of a convolution from there to x."""
    rows, columns, out, _ = kernel.shape
    if padding == "same":
        sides = zip(x.shape, strides, (rows, columns), shape, strict=False)
        before = [max((side - 1) * step + one - size, 0) // 2 for side, step, one, size in sides]
    else:
        before = [0, 0]
    full = np.zeros((shape[0] + 2 * rows + strides[0], shape[1] + 2 * columns + strides[1], out))
    for row, column in np.ndindex(*x.shape[:2]):
        top, left = row * strides[0] - before[0] + rows, column * strides[1] - before[1] + columns
        full[top : top + rows, left : left + columns] += kernel @ x[row, column]
    return full[rows : rows + shape[0], columns : columns + shape[1]] + bias


def sequence(step, x, states, everything, backwards):
    """Return what a recurrent layer gives for a sequence: every output, or the last."""
    outputs = []
    for one in x[::-1] if backwards else x:
        states = step(one, states)
        outputs.append(states[0])
    return np.array(outputs) if everything else outputs[-1]


def simple_step(kernel, recurrent, bias, act, gate):
    return lambda x, states: [activation(act, x @ kernel + states[0] @ recurrent + bias)]


def lstm_step(kernel, recurrent, bias, act, gate):
    """Return one step of an LSTM, gates in the order of Keras 2: input, forget, cell, output."""

    def step(x, states):
        i, f, c, o = np.split(x @ kernel + states[0] @ recurrent + bias, 4, axis=-1)
        carry = activation(gate, f) * states[1] + activation(gate, i) * activation(act, c)
        return [activation(gate, o) * activation(act, carry), carry]

    return step


def gru_step(kernel, recurrent, bias, act, gate):
    """Return one step of a GRU whose reset comes before the product, as in Keras 1 and 2; gates: update, reset, new."""
    units = recurrent.shape[0]

    def step(x, states):
        z, r, h = np.split(x @ kernel + bias, 3, axis=-1)
        z = activation(gate, z + states[0] @ recurrent[:, :units])
        r = activation(gate, r + states[0] @ recurrent[:, units : 2 * units])
        new = activation(act, h + (r * states[0]) @ recurrent[:, 2 * units :])
        return [z * states[0] + (1 - z) * new]

    return step


def gru_after_step(kernel, recurrent, biases, act, gate):
    """Return one step of a GRU that resets after the product (two biases), as cuDNN's."""

    def step(x, states):
        given, kept = x @ kernel + biases[0], states[0] @ recurrent + biases[1]
        (z, r, h), (kz, kr, kh) = np.split(given, 3, axis=-1), np.split(kept, 3, axis=-1)
        z, r = activation(gate, z + kz), activation(gate, r + kr)
        return [z * states[0] + (1 - z) * activation(act, h + r * kh)]

    return step


def conv_lstm_step(kernel, recurrent, bias, strides, padding, act, gate):
    def step(x, states):
        i, f, c, o = np.split(
            convolution(x, kernel, bias, strides, padding) + convolution(states[0], recurrent, 0.0, (1, 1), "same"), 4, axis=-1
        )
        carry = activation(gate, f) * states[1] + activation(gate, i) * activation(act, c)
        return [activation(gate, o) * activation(act, carry), carry]

    return step


def stretched(x, axis, times):
    """Return bilinear upsampling along an axis that begins at the corners of pixels."""
    places = np.arange(x.shape[axis] * times) / times
    low = np.floor(places).astype(int)
    high = np.minimum(low + 1, x.shape[axis] - 1)
    share = (places - low).reshape([-1 if one == axis else 1 for one in range(x.ndim)])
    return x.take(low, axis) * (1 - share) + x.take(high, axis) * share
