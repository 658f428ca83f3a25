"""Layer configs of every Keras since 1.2, said in today's words. The text is repaired, never the user's file."""

from collections.abc import Callable
from typing import Any

from ...errors import ModelError
from .entries import Entry, shown

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
    "RandomHeight": "Identity",  # gone in Keras 3; out of training both were the identity
    "RandomWidth": "Identity",
    "StochasticDepth": "Identity",
    "Model": "Functional",
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
}
TRAINING = ("_regularizer", "_constraint", "_initializer")
# Settings that say nothing about what a built network computes.
IRRELEVANT = frozenset(
    "init W_regularizer b_regularizer activity_regularizer W_constraint b_constraint beta_init gamma_init gamma_regularizer "
    "beta_regularizer input_dim input_length input_shape batch_input_shape batch_shape input_dtype batch_size trainable dtype "
    "dtype_policy autocast sparse ragged optional weights implementation seed rng_seed fused virtual_batch_size "
    "renorm_clipping renorm_momentum synchronized lora_rank lora_alpha quantization_mode quantization_config unroll time_major "
    "experimental_synchronization".split()
)
ORDERINGS = {"tf": "channels_last", "th": "channels_first", "default": "channels_last"}


def repaired(entry: Entry, writer: int) -> tuple[str, Config]:
    """Return today's class name and config for a layer that Keras `writer` (1, 2 or 3) wrote.

    Drops what only training needs. Raises ModelError for a meaning that Keras 3 no longer has, naming the layer.
    """
    config = {key: _plain(value) for key, value in entry.config.items()}
    if "int8" in str(config.get("dtype")) or "int4" in str(config.get("dtype")) or config.get("quantization_mode"):
        raise ModelError(f"Layer `{entry.name}` holds quantised weights, which are not read. Save the model before quantize() is called.")
    config["name"] = entry.name
    if "nb_row" in config:
        config["kernel_size"] = [config.pop("nb_row"), config.pop("nb_col")]
    if "kernel_dim1" in config:
        config["kernel_size"] = [config.pop(f"kernel_dim{axis}") for axis in (1, 2, 3)]
    if entry.class_name == "Embedding":
        config.pop("length", None)
    else:
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
    return class_name, {key: value for key, value in config.items() if key not in IRRELEVANT and not key.endswith(TRAINING)}


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
            f"Layer `{entry.name}` is a BatchNormalization with mode={shown(mode)}, which normalises by the batch it sees; "
            "Keras dropped that in version 2. Rebuild the layer and save the model again."
        )
    axis = config.get("axis", -1)
    if isinstance(axis, list) and len(axis) == 1:
        config["axis"] = axis[0]
    elif isinstance(axis, list):
        raise ModelError(f"Layer `{entry.name}` normalises over the axes {shown(axis)}; Keras 3 takes one. Rebuild the layer.")
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
    "Conv2DTranspose": _ungrouped,
    "Merge": _merge,
    "InputLayer": _input,
}
