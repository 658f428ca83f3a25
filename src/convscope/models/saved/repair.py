"""Layer configs of every Keras since 1.0, translated into those of today. The text is repaired, never the user's file."""

from collections.abc import Callable
from typing import Any

from ...backend import keras
from ...errors import ModelError
from .entries import Entry, shown
from .policies import whole_type

Config = dict[str, Any]

CLASSES = {
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "Deconvolution2D": "Conv2DTranspose",
    "Deconvolution3D": "Conv3DTranspose",
    "SeparableConvolution2D": "SeparableConv2D",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
    "Model": "Functional",
    "TimeDistributedDense": "Dense",
    "CuDNNLSTM": "LSTM",
    "CuDNNGRU": "GRU",
    "UnifiedLSTM": "LSTM",  # TensorFlow 1.14
    "UnifiedGRU": "GRU",
}
# Old name -> today's, wherever the class has today's.
KEYS = {
    "nb_filter": "filters",
    "border_mode": "padding",
    "subsample": "strides",
    "subsample_length": "strides",
    "filter_length": "kernel_size",
    "pool_length": "pool_size",
    "stride": "strides",
    "atrous_rate": "dilation_rate",
    "output_dim": "units",
    "bias": "use_bias",
    "p": "rate",
    "sigma": "stddev",
    "dim_ordering": "data_format",
    "length": "size",
    "inner_activation": "recurrent_activation",
}
TRAINING = ("_regularizer", "_constraint", "_initializer")
# Settings that say nothing about what a built network computes.
IRRELEVANT = frozenset(
    "init inner_init forget_bias_init dropout_W dropout_U consume_less W_regularizer U_regularizer b_regularizer activity_regularizer "
    "W_constraint b_constraint beta_init gamma_init gamma_regularizer beta_regularizer input_dim input_length input_shape "
    "batch_input_shape batch_shape input_dtype batch_size trainable dtype dtype_policy autocast sparse ragged optional weights "
    "implementation seed rng_seed fused virtual_batch_size renorm_clipping renorm_momentum synchronized lora_rank lora_alpha "
    "quantization_mode quantization_config unroll time_major experimental_synchronization query_shape key_shape value_shape dynamic "
    "force_generator rng_type num_constants".split()
)
RECURRENT = frozenset("SimpleRNN LSTM GRU RNN ConvLSTM1D ConvLSTM2D ConvLSTM3D".split())
NEEDED = {"Embedding": ("input_dim",)}
ORDERINGS = {"tf": "channels_last", "th": "channels_first", "default": "channels_last"}


def repaired(entry: Entry, writer: int) -> tuple[str, Config]:
    """Return today's class name and config for a layer that Keras `writer` (1, 2 or 3) wrote.

    Drops what only training needs. Raises ModelError for a meaning that Keras 3 no longer has, naming the layer.
    """
    config = {key: _plain(value) for key, value in entry.config.items()}
    if _is_quantised(config):
        raise ModelError(
            f"Layer `{entry.name}` holds quantised weights, which convscope cannot read. Save the model before you call quantize()."
        )
    config["name"] = entry.name
    if "nb_row" in config:
        config["kernel_size"] = [config.pop("nb_row"), config.pop("nb_col")]
    if "kernel_dim1" in config:
        config["kernel_size"] = [config.pop(f"kernel_dim{axis}") for axis in (1, 2, 3)]
    if entry.class_name != "Embedding":
        for old, new in KEYS.items():
            if old in config and new not in config:
                config[new] = config.pop(old)
    if config.get("data_format") in ORDERINGS:
        config["data_format"] = ORDERINGS[config["data_format"]]
    class_name = CLASSES.get(entry.class_name, entry.class_name)
    if (special := SPECIAL.get(class_name)) is not None:
        class_name = special(class_name, config, entry, writer) or class_name
    if class_name == "InputLayer":
        return class_name, config
    needed = NEEDED.get(class_name, ())
    kept = {key: value for key, value in config.items() if key in needed or (key not in IRRELEVANT and not key.endswith(TRAINING))}
    whole = whole_type(config, writer)
    return class_name, kept if whole is None else kept | {"dtype": whole}


def _is_quantised(config: Config) -> bool:
    """Say whether a layer computes in int8, int4, float8 or another form of packed weights; Keras writes "int8_from_float32"."""
    policy = str(config.get("dtype")).lower()
    return bool(config.get("quantization_mode")) or "_from_" in policy or "quantize" in policy


def _plain(value: Any) -> Any:
    """Return a value without the wrappers that old Kerases put around tuples, arrays and shapes."""
    if isinstance(value, dict):
        if value.get("class_name") in ("__tuple__", "TensorShape"):
            return [_plain(one) for one in value.get("items") or ()]
        if value.get("type") == "ndarray":
            return value.get("value")
        if value.get("class_name") == "__numpy__":
            return value["config"]["value"]
    return value


def _batch_normalization(class_name: str, config: Config, entry: Entry, writer: int) -> str | None:
    mode = config.pop("mode", 0)
    if mode != 0:
        raise ModelError(
            f"Layer `{entry.name}` is a BatchNormalization with mode={shown(mode)}, which normalises by its batch. Keras "
            f"dropped that in version 2. Rebuild the layer and save the model again."
        )
    axis = config.get("axis", -1)
    if config.get("virtual_batch_size") and isinstance(axis, list):
        axis = [one - 1 if isinstance(one, int) and one > 1 else one for one in axis]  # it counted an axis for the groups of a batch
    if isinstance(axis, list) and len(axis) == 1:
        config["axis"] = axis[0]
    elif isinstance(axis, list):
        raise ModelError(f"Layer `{entry.name}` normalises over the axes {shown(axis)}, but Keras 3 takes one. Rebuild the layer.")
    return None


def _leaky_relu(class_name: str, config: Config, entry: Entry, writer: int) -> str | None:
    if "alpha" in config:
        config["negative_slope"] = config.pop("alpha")
    return None


def _relu(class_name: str, config: Config, entry: Entry, writer: int) -> str | None:
    for key in ("max_value", "negative_slope", "threshold"):
        if isinstance(config.get(key), list):
            config[key] = config[key][0]
    for key in ("negative_slope", "threshold"):
        if config.get(key) is None:
            config.pop(key, None)
    return None


def _depthwise(class_name: str, config: Config, entry: Entry, writer: int) -> str | None:
    for key in ("filters", "groups"):
        config.pop(key, None)
    return None


def _ungrouped(class_name: str, config: Config, entry: Entry, writer: int) -> str | None:
    if config.pop("groups", 1) not in (1, None):
        raise ModelError(f"Layer `{entry.name}` is a {class_name} in groups, which Keras never computed. The file is damaged.")
    return None


def _recurrent(class_name: str, config: Config, entry: Entry, writer: int) -> str | None:
    if config.get("time_major"):
        raise ModelError(
            f"Layer `{entry.name}` takes its sequences time first (time_major), which Keras 3 does not have. "
            "Rebuild it with a Permute around it and save the model again."
        )
    config.pop("stateful", None)  # every picture begins with a state of zeros
    if entry.class_name.startswith("CuDNN"):
        config.update({"activation": "tanh", "recurrent_activation": "sigmoid"})
    if class_name == "GRU" and writer < 3:
        config["reset_after"] = entry.class_name.startswith("CuDNN") or config.get("reset_after", False)
    return None


def _gru_cell(class_name: str, config: Config, entry: Entry, writer: int) -> str | None:
    if writer < 3:
        config.setdefault("reset_after", False)
    return None


def _bidirectional(class_name: str, config: Config, entry: Entry, writer: int) -> str | None:
    """Say the second layer where the first one goes backwards: Keras 3 takes it to go forwards."""
    inner = config.get("layer")
    inside = inner.get("config") if isinstance(inner, dict) else None
    if isinstance(inner, dict) and isinstance(inside, dict) and inside.get("go_backwards") and not config.get("backward_layer"):
        name = f"backward_{inside.get('name', 'layer')}"
        config["backward_layer"] = {**inner, "name": name, "config": {**inside, "go_backwards": False, "name": name}}
    return None


def _zero_padding(class_name: str, config: Config, entry: Entry, writer: int) -> str | None:
    """Say the four sides of Keras 1 (in a row, or by name) in pairs."""
    padding = config.get("padding")
    if isinstance(padding, dict):
        sides = ("left_pad", "right_pad") if class_name == "ZeroPadding1D" else ("top_pad", "bottom_pad", "left_pad", "right_pad")
        padding = [padding.get(side, 0) for side in sides]
    if class_name == "ZeroPadding2D" and isinstance(padding, list) and len(padding) == 4:
        padding = [padding[:2], padding[2:]]
    config["padding"] = padding
    return None


def _transposed(class_name: str, config: Config, entry: Entry, writer: int) -> str | None:
    """Say the shape that Keras 1 wanted of a deconvolution as what is added to the shortest one."""
    _ungrouped(class_name, config, entry, writer)
    shape = config.pop("output_shape", None)
    if not isinstance(shape, list) or entry.class_name == class_name:
        return None
    sides = shape[2:] if config.get("data_format") == "channels_first" else shape[1:-1]
    kernels, strides = config.get("kernel_size", ()), config.get("strides", [1] * len(sides))
    if len(kernels) == len(strides) == len(sides) and all(isinstance(one, int) for one in sides):
        if config.get("padding") != "same":
            config["output_padding"] = [(side - kernel) % stride for side, kernel, stride in zip(sides, kernels, strides, strict=True)]
        elif any(side % stride for side, stride in zip(sides, strides, strict=True)):  # else it is what Keras 3 makes by itself
            config["output_padding"] = added = [
                (side - 1) % stride + 1 - kernel % 2 for side, kernel, stride in zip(sides, kernels, strides, strict=True)
            ]
            if any(one >= stride for one, stride in zip(added, strides, strict=True)):
                raise ModelError(
                    f"Layer `{entry.name}` is a deconvolution to {shown(sides)} positions with kernels of {shown(kernels)} and strides of "
                    f"{shown(strides)}, which Keras 3 cannot compute. Rebuild the layer with sides that its strides divide."
                )
    return None


def _thresholded(class_name: str, config: Config, entry: Entry, writer: int) -> str | None:
    config["threshold"] = config.pop("theta", 1.0)
    return "ReLU"


def _attention(class_name: str, config: Config, entry: Entry, writer: int) -> str | None:
    if config.pop("causal", False):
        raise ModelError(f"Layer `{entry.name}` looks back only (causal=True), which Keras 3 does not have. Rebuild it.")
    return None


def _identity(class_name: str, config: Config, entry: Entry, writer: int) -> str | None:
    """Leave out what acts in training only, and is gone in Keras 3."""
    name = config["name"]
    config.clear()
    config["name"] = name
    return "Identity"


def _random_crop(class_name: str, config: Config, entry: Entry, writer: int) -> str | None:
    """Say the crop that Keras 2 made out of training: the largest window of that shape, resized."""
    if writer > 2:
        return None
    config["crop_to_aspect_ratio"] = True
    return "Resizing"


def _resized(class_name: str, config: Config, entry: Entry, writer: int) -> str | None:
    wanted = str(config.get("interpolation", "bilinear")).lower()
    known = keras.src.backend.image.RESIZE_INTERPOLATIONS
    if wanted not in known:
        raise ModelError(
            f"Layer `{entry.name}` resizes by {shown(wanted)}, which Keras 3 does not have on {keras.config.backend()}. "
            f"It has {', '.join(known)}. Rebuild that step and save the model again."
        )
    if "interpolation" in config:
        config["interpolation"] = wanted
    return None


def _merge(class_name: str, config: Config, entry: Entry, writer: int) -> str | None:
    mode = config.pop("mode", None)
    axis, dots = config.pop("concat_axis", -1), config.pop("dot_axes", -1)
    for key in ("layers", "output_shape", "output_mask", "arguments", "node_indices", "tensor_indices"):
        for name in (key, f"{key}_type"):
            config.pop(name, None)
    config.pop("mode_type", None)
    if mode == "concat":
        config["axis"] = axis
        return "Concatenate"
    if mode in ("dot", "cos"):
        config.update(
            axes=dots if isinstance(dots, int) else [one[0] if isinstance(one, list) else one for one in dots], normalize=mode == "cos"
        )
        return "Dot"
    known = {"sum": "Add", "mul": "Multiply", "ave": "Average", "max": "Maximum"}
    if mode not in known:
        raise ModelError(f"Layer `{entry.name}` merges by {shown(mode)}. Expected {', '.join([*known, 'concat', 'dot', 'cos'])}.")
    return known[mode]


def _input(class_name: str, config: Config, entry: Entry, writer: int) -> str | None:
    shape = (
        config.get("batch_shape") or config.get("batch_input_shape") or [None, *(config.get("shape") or config.get("input_shape") or ())]
    )
    dtype = config.get("dtype") or config.pop("input_dtype", None)
    config.clear()
    config.update(name=entry.name, batch_shape=shape, input_type=dtype)
    return None


Special = Callable[[str, Config, Entry, int], str | None]
SPECIAL: dict[str, Special] = {
    "BatchNormalization": _batch_normalization,
    "LeakyReLU": _leaky_relu,
    "ReLU": _relu,
    "DepthwiseConv2D": _depthwise,
    "DepthwiseConv1D": _depthwise,
    "SeparableConv1D": _ungrouped,
    "SeparableConv2D": _ungrouped,
    "Conv1DTranspose": _transposed,
    "Conv2DTranspose": _transposed,
    "Conv3DTranspose": _transposed,
    "Bidirectional": _bidirectional,
    "GRUCell": _gru_cell,
    "ZeroPadding1D": _zero_padding,
    "ZeroPadding2D": _zero_padding,
    "ThresholdedReLU": _thresholded,
    **dict.fromkeys(("RandomHeight", "RandomWidth", "StochasticDepth"), _identity),
    "RandomCrop": _random_crop,
    "Resizing": _resized,
    "UpSampling2D": _resized,
    "Attention": _attention,
    "AdditiveAttention": _attention,
    **dict.fromkeys(RECURRENT, _recurrent),
    "Merge": _merge,
    "InputLayer": _input,
}
