"""What convscope asks of a framework, in PyTorch: see `protocol.Engine`."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import torch
from keras import ops
from torch.nn import functional

from .protocol import Pullback

FAST_POOLING = True
ANY_COUNT = True


def vjp(function: Callable[..., Any], inputs: Sequence[Any], *, lasting: bool = False, output: Any = None) -> tuple[Any, Pullback]:
    """Return function(*inputs) and its vector-Jacobian product; inputs that do not matter get zeros.

    `lasting`, that this very function will be asked for again, and an `output` that is known make no difference here.
    """
    with torch.enable_grad():
        leaves = [_leaf(ops.convert_to_tensor(value)) for value in inputs]
        output = function(*leaves)

    several = isinstance(output, list | tuple)

    def pullback(upstream: Any) -> list[Any]:
        pairs = zip(output, upstream, strict=True) if several else [(output, upstream)]
        reached = [(one, signal.to(one.dtype)) for one, signal in pairs if one.requires_grad]
        if not reached:
            return [torch.zeros_like(leaf) for leaf in leaves]
        outputs, signals = zip(*reached, strict=True)
        smooth = [leaf for leaf in leaves if leaf.requires_grad]
        # The graph is retained, because many signals go down one forward pass.
        found = iter(torch.autograd.grad(outputs, smooth, signals, retain_graph=True, allow_unused=True))
        gradients = [next(found) if leaf.requires_grad else None for leaf in leaves]
        return [torch.zeros_like(leaf) if one is None else one for one, leaf in zip(gradients, leaves, strict=True)]

    return [one.detach() for one in output] if several else output.detach(), pullback


def _leaf(value: Any) -> Any:
    """Return a tensor to differentiate by; one of whole numbers or truth values has no gradient."""
    return value.detach().requires_grad_(value.is_floating_point())


def value_and_gradient(function: Callable[..., Any]) -> Callable[..., tuple[Any, Any]]:
    """Differentiate a function that returns (scalar, extra) by its first argument: -> (extra, gradient)."""

    def differentiated(first: Any, *rest: Any) -> tuple[Any, Any]:
        with torch.enable_grad():
            leaf = first.detach().requires_grad_(True)
            scalar, extra = function(leaf, *rest)
            found = torch.autograd.grad(scalar, leaf, allow_unused=True)[0] if scalar.requires_grad else None
        return extra.detach(), torch.zeros_like(leaf) if found is None else found

    return differentiated


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function as it is: PyTorch's own compiler wants a C++ compiler on the user's machine."""
    return function


def lean(layer: Any, dtype: str) -> Callable[[Any], Any] | None:
    """Return what computes the same as `layer` in "float32" or "bfloat16" at less cost, None where Keras' own is as good.

    Keras lays out each convolution's input twice and its kernel once more, at every call. Channels-last pictures are what PyTorch
    calls channels-last memory already, and the kernel is laid out here, once; so it must not change while this is in use.
    """
    kind = type(layer)
    if getattr(layer, "data_format", None) != "channels_last":
        return None
    if kind in (keras.layers.Conv2D, keras.layers.DepthwiseConv2D):
        return _convolution(layer, getattr(torch, dtype))
    if kind is keras.layers.MaxPooling2D and layer.padding == "valid":
        return lambda value: _planes(value, lambda planes: functional.max_pool2d(planes, layer.pool_size, layer.strides))
    return None


def _convolution(layer: Any, dtype: Any) -> Callable[[Any], Any]:
    kernel, bias = layer.kernel.value.detach(), layer.bias.value.detach().to(dtype) if layer.use_bias else None
    groups = getattr(layer, "groups", 1)
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        groups = kernel.shape[2]
        kernel = kernel.reshape(*kernel.shape[:2], 1, -1)
    kernel = kernel.to(dtype).permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)
    strides, dilation = tuple(layer.strides), tuple(layer.dilation_rate)
    reach = [(size - 1) * step + 1 for size, step in zip(kernel.shape[2:], dilation, strict=True)]

    def convolved(planes: Any) -> Any:
        padding: Any = (0, 0)
        if layer.padding == "same":
            pads = [max((-(-n // s) - 1) * s + k - n, 0) for n, s, k in zip(planes.shape[2:], strides, reach, strict=True)]
            padding = [pad // 2 for pad in pads]
            if any(pad % 2 for pad in pads):
                (top, left), (down, right) = padding, pads
                planes, padding = functional.pad(planes, (left, right - left, top, down - top)), (0, 0)
        return functional.conv2d(planes, kernel, bias, strides, padding, dilation, groups)

    return lambda value: _planes(ops.convert_to_tensor(value).to(dtype), convolved)


def _planes(value: Any, function: Callable[[Any], Any]) -> Any:
    """Apply a function of (n, channels, height, width) to (n, height, width, channels), as two views of the same memory."""
    return function(value.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


def device() -> str:
    """Return "cuda" where PyTorch sees a GPU, else "cpu"."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def device_kind() -> str:
    """Return the name of the GPU that PyTorch uses, else "cpu"."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
