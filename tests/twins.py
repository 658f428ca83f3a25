"""Slow twins: the same mathematics once more, in loops and float64, sharing no code with convscope. Images are (height, width, channel)."""

from itertools import product

import numpy as np

INFINITY = float("inf")


def relative_error(found, expected):
    """Return the largest difference on the scale of the largest expected value."""
    found, expected = np.asarray(found, dtype="float64"), np.asarray(expected, dtype="float64")
    assert found.shape == expected.shape, f"{found.shape} is not {expected.shape}"
    return np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-30)


def axis_padding(length, size, stride, padding):
    """Return (before, after, outputs) of one axis, as TensorFlow defines "same" and "valid"."""
    if padding == "valid":
        return 0, 0, (length - size) // stride + 1
    outputs = -(-length // stride)
    total = max((outputs - 1) * stride + size - length, 0)
    return total // 2, total - total // 2, outputs


def window_places(shape, size, stride, padding):
    """Yield for each window its output place and the input places in it, in row-major order; None where padding is."""
    (above, _, rows), (left, _, columns) = (axis_padding(n, k, s, padding) for n, k, s in zip(shape, size, stride, strict=True))
    for row, column in product(range(rows), range(columns)):
        inside = []
        for i, j in product(range(size[0]), range(size[1])):
            place = row * stride[0] + i - above, column * stride[1] + j - left
            inside.append(place if 0 <= place[0] < shape[0] and 0 <= place[1] < shape[1] else None)
        yield (row, column), inside


def output_shape(shape, size, stride, padding):
    return tuple(axis_padding(n, k, s, padding)[2] for n, k, s in zip(shape, size, stride, strict=True))


def convolve(image, kernel, bias=0.0, stride=(1, 1), padding="same"):
    """Return the convolution by `kernel` (rows, columns, in, out)."""
    size = kernel.shape[:2]
    output = np.zeros((*output_shape(image.shape[:2], size, stride, padding), kernel.shape[3]))
    for (row, column), inside in window_places(image.shape[:2], size, stride, padding):
        for index, place in enumerate(inside):
            if place is not None:
                output[row, column] += image[place] @ kernel[index // size[1], index % size[1]]
    return output + bias


def convolve_back(signal, kernel, shape, stride=(1, 1), padding="same"):
    """Return the transposed convolution: `signal` at the output, scattered to an input of `shape` (height, width)."""
    size = kernel.shape[:2]
    back = np.zeros((*shape, kernel.shape[2]))
    for (row, column), inside in window_places(shape, size, stride, padding):
        for index, place in enumerate(inside):
            if place is not None:
                back[place] += kernel[index // size[1], index % size[1]] @ signal[row, column]
    return back


def max_pool(image, size=(2, 2), stride=(2, 2), padding="valid"):
    pooled = np.full((*output_shape(image.shape[:2], size, stride, padding), image.shape[2]), -INFINITY)
    for out, inside in window_places(image.shape[:2], size, stride, padding):
        for place in inside:
            if place is not None:
                pooled[out] = np.maximum(pooled[out], image[place])
    return pooled


def unpool(signal, image, size=(2, 2), stride=(2, 2), padding="valid", ties="first"):
    """Return `signal` put where each window of `image` has its maximum; what meets at one place adds."""
    back = np.zeros(image.shape)
    for out, inside in window_places(image.shape[:2], size, stride, padding):
        places = [place for place in inside if place is not None]
        for channel in range(image.shape[2]):
            values = [image[(*place, channel)] for place in places]
            winners = [place for place, value in zip(places, values, strict=True) if value == max(values)]
            winners = winners[:1] if ties == "first" else winners
            for place in winners:
                back[(*place, channel)] += signal[(*out, channel)] / len(winners)
    return back


def unpool_spread(signal, shape, size=(2, 2), stride=(2, 2), padding="valid"):
    """Return g/k² at every place of each window."""
    back = np.zeros((*shape, signal.shape[2]))
    for out, inside in window_places(shape, size, stride, padding):
        for place in inside:
            if place is not None:
                back[place] += signal[out] / (size[0] * size[1])
    return back


def unpool_center(signal, shape, size=(2, 2), stride=(2, 2), padding="valid"):
    """Return g at the centre of each window; of an even side, at the place before the middle."""
    back = np.zeros((*shape, signal.shape[2]))
    for out, inside in window_places(shape, size, stride, padding):
        place = inside[(size[0] - 1) // 2 * size[1] + (size[1] - 1) // 2]
        if place is not None:
            back[place] += signal[out]
    return back


class SmallNet:
    """conv-relu-pool-conv-relu-pool-dense in loops; the twin of `networks.small`. `weights`: its arrays, in order."""

    def __init__(self, weights, *, pool=(2, 2), stride=(2, 2)):
        self.kernel1, self.bias1, self.kernel2, self.bias2, self.dense, self.bias = (np.asarray(one, dtype="float64") for one in weights)
        self.window = {"size": pool, "stride": stride}

    def forward(self, image):
        """Return the values of all steps for one image (height, width, channel)."""
        steps = {"image": np.asarray(image, dtype="float64")}
        steps["pre1"] = convolve(steps["image"], self.kernel1, self.bias1)
        steps["conv1"] = np.maximum(steps["pre1"], 0.0)
        steps["pool1"] = max_pool(steps["conv1"], **self.window)
        steps["pre2"] = convolve(steps["pool1"], self.kernel2, self.bias2)
        steps["conv2"] = np.maximum(steps["pre2"], 0.0)
        steps["pool2"] = max_pool(steps["conv2"], **self.window)
        steps["logits"] = steps["pool2"].reshape(-1) @ self.dense + self.bias
        return steps

    def back(self, steps, layer, signal, *, mask, rectify, unpooling="switches", ties="first"):
        """Return `signal` at "conv2" or "logits" projected down: the eight corners of "one engine, three options"."""

        def relu(value, upstream):
            upstream = np.maximum(upstream, 0.0) if rectify else upstream
            return upstream * (value > 0) if mask else upstream

        def pool(value, upstream):
            if unpooling == "switches":
                return unpool(upstream, value, **self.window, ties=ties)
            apart = unpool_spread if unpooling == "spread" else unpool_center
            return apart(upstream, value.shape[:2], **self.window)

        if layer == "logits":
            signal = (self.dense @ signal).reshape(steps["pool2"].shape)
            signal = pool(steps["conv2"], signal)
        signal = relu(steps["pre2"], signal)
        signal = convolve_back(signal, self.kernel2, steps["pool1"].shape[:2])
        signal = relu(steps["pre1"], pool(steps["conv1"], signal))
        return convolve_back(signal, self.kernel1, steps["image"].shape[:2])


def central_differences(function, image, step=1e-6):
    """Return the gradient of function(image) -> number by every value of `image`, by central finite differences."""
    gradient = np.zeros(image.shape)
    for place in np.ndindex(image.shape):
        ahead, behind = image.copy(), image.copy()
        ahead[place] += step
        behind[place] -= step
        gradient[place] = (function(ahead) - function(behind)) / (2 * step)
    return gradient
