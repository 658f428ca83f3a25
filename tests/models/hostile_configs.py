"""Hostile configs: sizes that would take the memory, broken text and wiring, names for paths and terminals."""

import json
from collections.abc import Callable
from typing import Any

from models.hostile import (
    HUGE,
    SLOT,
    Bait,
    both,
    chain,
    conv,
    either,
    functional,
    layer,
    network,
    node,
    old,
    old_chain,
    old_functional,
    operation,
    sequential,
    tensor,
)
from models.hostile_code import lambda_layer

# 4. Configs that ask for more than the file holds. None may be allocated.


def _image(height: int, width: int) -> dict[str, Any]:
    return layer("InputLayer", "image", batch_shape=[None, height, width, 3])


def _tensorflow(function: str, name: str, source: str, **options: Any) -> dict[str, Any]:
    """Return a TensorFlow operation as Keras 2 writes it."""
    return old("TFOpLambda", name, function=function) | {"inbound_nodes": [[source, 0, 0, options]]}


def _eager(function: str, **options: Any) -> list[Any]:
    """Return a chain that takes a side of a tensor's shape, a plain number by then, and computes with it at once."""
    steps = [
        _tensorflow("shape", "sides", "conv"),
        _tensorflow("__operators__.getitem", "side", "sides", slice_spec=1),
        _tensorflow("cast", "number", "side", dtype="float32"),
        _tensorflow("expand_dims", "numbers", "number", axis=0),
        _tensorflow(function, "evil", "numbers", **options),
    ]
    return old_chain(*steps, _tensorflow("__operators__.multiply", "again", "conv", y=["evil", 0, 0]))


BIG: dict[str, tuple[Callable[[], Any], bool]] = {
    "dense": (lambda: network(layer("Dense", units=HUGE)), False),
    "dense_after_a_wide_one": (lambda: network(layer("Dense", "wide", units=200_000), layer("Dense", units=200_000)), False),
    "filters": (lambda: network(conv(filters=10**9)), False),
    "kernel": (lambda: network(conv(kernel_size=[40_000, 40_000], padding="same")), False),
    "transposed_kernel": (lambda: network(layer("Conv2DTranspose", filters=10**5, kernel_size=1000)), False),
    "depth_multiplier": (lambda: network(layer("DepthwiseConv2D", kernel_size=3, depth_multiplier=10**9)), False),
    "separable": (lambda: network(layer("SeparableConv2D", filters=10**9, kernel_size=3, depth_multiplier=1000)), False),
    "groups": (lambda: network(conv(groups=10**9, filters=10**9)), False),
    "embedding": (lambda: network(layer("Embedding", input_dim=HUGE, output_dim=8)), False),
    "einsum": (lambda: network(layer("EinsumDense", equation="abcd,de->abce", output_shape=[None, None, HUGE])), False),
    "attention": (
        lambda: network(layer("MultiHeadAttention", num_heads=10**6, key_dim=10**6, more=node([tensor("conv"), tensor("conv")]))),
        False,
    ),
    "lstm": (lambda: sequential([*chain()[:3], layer("Reshape", "rows", target_shape=[6, 12]), layer("LSTM", units=10**7)]), False),
    "conv_lstm": (lambda: network(layer("ConvLSTM2D", filters=10**7, kernel_size=99)), False),
    "input_with_prelu": (lambda: sequential([layer("InputLayer", "image", batch_shape=[None, 10**5, 10**5, 3]), layer("PReLU")]), False),
    "input_with_normalization": (
        lambda: sequential(
            [layer("InputLayer", "image", batch_shape=[None, 10**5, 10**5, 3]), layer("LayerNormalization", axis=[1, 2, 3])]
        ),
        False,
    ),
    "input_with_dense": (
        lambda: sequential(
            [layer("InputLayer", "image", batch_shape=[None, 50_000, 50_000, 3]), layer("Flatten", "flat"), layer("Dense", units=100)]
        ),
        False,
    ),
    "input_channels": (lambda: sequential([layer("InputLayer", "image", batch_shape=[None, 8, 8, 10**10]), conv()]), False),
    "batch_normalization": (
        lambda: sequential([layer("InputLayer", "image", batch_shape=[None, 8, 8, 10**10]), layer("BatchNormalization")]),
        False,
    ),
    "batch_size": (lambda: network(shape=(10**12, 8, 8, 3)), True),
    "rescaling": (lambda: network(layer("Rescaling", scale=[1.0] * 100_000)), True),
    "normalization": (lambda: network(layer("Normalization", mean=[1.0] * 100_000, variance=[1.0] * 100_000)), True),
    "category_encoding": (lambda: network(layer("CategoryEncoding", num_tokens=HUGE)), True),
    "discretization": (lambda: network(layer("Discretization", bin_boundaries=list(range(200_000)))), True),
    "padding": (lambda: network(layer("ZeroPadding2D", padding=[10**9, 10**9])), True),
    "cropping": (lambda: network(layer("Cropping2D", cropping=[10**9, 10**9])), True),
    "upsampling": (lambda: network(layer("UpSampling2D", size=[10**9, 10**9])), True),
    "upsampling_to_dense": (
        lambda: network(layer("UpSampling2D", "up", size=[10**4, 10**4]), layer("Flatten", "flat"), layer("Dense", units=10)),
        False,
    ),
    "resizing": (lambda: network(layer("Resizing", height=10**9, width=10**9)), True),
    "repeat": (lambda: sequential([*chain()[:2], layer("Flatten", "flat"), layer("RepeatVector", n=HUGE)]), True),
    "reshape": (lambda: network(layer("Reshape", target_shape=[10**9, 10**9])), True),
    "reshape_of_two_unknowns": (lambda: network(layer("Reshape", target_shape=[-1, -1])), True),
    "reshape_to_nothing": (lambda: network(layer("Reshape", target_shape=[0])), True),
    "reshape_below_nothing": (lambda: network(layer("Reshape", target_shape=[-72])), True),
    "dilation": (lambda: network(conv(dilation_rate=10**9)), True),
    "strides": (lambda: network(conv(strides=10**9)), True),
    "pooling": (lambda: network(layer("MaxPooling2D", pool_size=10**9)), True),
    "pooling_same": (lambda: network(layer("AveragePooling2D", pool_size=10**9, strides=1, padding="same")), True),
    "adaptive_pooling": (lambda: network(layer("AdaptiveAveragePooling2D", output_size=[10**6, 10**6])), True),
    "operation_shape": (lambda: network(operation("BroadcastTo", [tensor("conv")], shape=[10**6, 6, 6, 10**6])), True),
    "operation_tile": (lambda: network(operation("Tile", [tensor("conv")], repeats=[1, 10**9, 10**9, 1])), True),
    "operation_pad": (lambda: network(operation("Pad", [tensor("conv")], pad_width=[[0, 0], [10**9, 10**9], [0, 0], [0, 0]])), True),
    "operation_one_hot": (lambda: network(operation("OneHot", [tensor("conv")], module="keras.src.ops.nn", num_classes=HUGE)), True),
    "operation_eye": (lambda: network(operation("Eye", [10**6], module="keras.src.ops.numpy")), True),
    "power_iterations": (
        lambda: network(layer("SpectralNormalization", "outer", power_iterations=HUGE, layer=layer("Conv2D", filters=2, kernel_size=3))),
        True,
    ),
    "augmentations": (lambda: network(layer("RandAugment", num_ops=10**9)), True),
    "group_normalization": (lambda: network(layer("GroupNormalization", groups=10**9)), True),
    "lora": (lambda: network(layer("Dense", units=2, lora_rank=HUGE)), True),
    "rms_normalization": (lambda: sequential([_image(30_000, 20_000), layer("RMSNormalization", axis=[1, 2, 3])]), False),
    "spectrogram": (
        lambda: sequential(
            [_image(8, 8), layer("Reshape", "rows", target_shape=[192, 1]), layer("STFTSpectrogram", frame_length=10**5, fft_length=2**17)]
        ),
        False,
    ),
    "mel_spectrogram": (
        lambda: sequential(
            [_image(8, 8), layer("Reshape", "rows", target_shape=[192]), layer("MelSpectrogram", fft_length=2**17, num_mel_bins=10**5)]
        ),
        True,
    ),
    "operation_split": (lambda: network(operation("Split", [tensor("conv")], indices_or_sections=10**9, axis=1)), False),
    "operation_unstack": (lambda: network(operation("Unstack", [tensor("conv")], module="keras.src.ops.core", num=10**9, axis=1)), False),
    "operation_bins": (lambda: network(operation("Histogram", [tensor("conv")], bins=HUGE)), True),
    "operation_bincount": (lambda: network(operation("Bincount", [tensor("conv")], minlength=HUGE)), True),
    "operation_repeat": (lambda: network(operation("Repeat", [tensor("conv")], repeats=HUGE, axis=1)), True),
    "tensorflow_split": (lambda: old_functional(old_chain(_tensorflow("split", "evil", "conv", num_or_size_splits=10**9))), False),
    "tensorflow_pad_of_a_shape": (lambda: old_functional(_eager("pad", paddings=[[0, 10**10]])), False),
    "tensorflow_resize_of_a_shape": (lambda: old_functional(_eager("image.resize", size=[10**5, 10**5])), False),
    "tensorflow_reshape_of_a_shape": (lambda: old_functional(_eager("reshape", shape=[1, 1, 1, 1])), True),
    "tensorflow_pad_of_too_many_axes": (lambda: old_functional(_eager("pad", paddings=[[0, 0], [0, 10**10]])), False),
    "integer_beyond_64_bits": (lambda: network(layer("Dense", units=2**70)), False),
    "integer_of_400_digits": (lambda: network(layer("Dense", units=10**400)), False),
    "negative": (lambda: network(layer("Dense", units=-5)), False),
    "zero": (lambda: network(conv(filters=0)), False),
    "fraction": (lambda: network(layer("Dense", units=2.5)), False),
    "word": (lambda: network(layer("Dense", units="10")), False),
    "truth": (lambda: network(layer("Dense", units=True)), False),
    "list": (lambda: network(layer("Dense", units=[10**6, 10**6])), False),
    "nothing": (lambda: network(layer("Dense", units=None)), False),
    "not_a_number": (lambda: network(layer("Dense", units=float("nan"))), False),
    "infinity": (lambda: network(conv(kernel_size=[float("inf"), 3])), False),
    "kernel_zero": (lambda: network(conv(kernel_size=0)), False),
    "kernel_of_three": (lambda: network(conv(kernel_size=[3, 3, 3])), False),
    "kernel_word": (lambda: network(conv(kernel_size="3")), False),
    "stride_zero": (lambda: network(layer("MaxPooling2D", pool_size=2, strides=0)), False),
    "stride_negative": (lambda: network(conv(strides=-1)), False),
    "dilation_zero": (lambda: network(conv(dilation_rate=0)), False),
    "padding_word": (lambda: network(conv(padding="../etc")), False),
    "shape_negative": (lambda: network(shape=(None, -8, 8, 3)), False),
    "shape_huge": (lambda: network(shape=(None, 2**70, 8, 3)), False),
    "shape_word": (lambda: network(shape=(None, "8", 8, 3)), False),
    "shape_zero": (lambda: network(shape=(None, 0, 0, 0)), False),
    "dtype_word": (lambda: network(layer("Activation", activation="relu", dtype="float1024")), True),
    "data_format_word": (lambda: network(conv(data_format="sideways")), False),
}


def _ask(make: Callable[[], Any]) -> Callable[[Bait], Any]:
    return lambda bait: make()


for _name, (_make, _may_load) in BIG.items():
    either(f"big:{_name}", _ask(_make), "evil|wide|image|input|net|flat|out|number|side", may_load=_may_load)


# 5. Text and structure of the config.

NOT_JSON = "architecture|JSON|config|text|UTF-8"


def _raw(name: str, make: Callable[[], bytes], says: str = NOT_JSON, may_load: bool = False) -> None:
    either(f"config:{name}", lambda bait: make(), says, may_load=may_load)


_raw("empty", lambda: b"")
_raw("not_json", lambda: b"{")
_raw("not_utf8", lambda: b'{"class_name": "\xff\xfe"}')
_raw("utf16", lambda: json.dumps(network()).encode("utf-16"), may_load=True)
_raw("nul_inside", lambda: json.dumps(network()).encode()[:200] + b"\0" + json.dumps(network()).encode()[200:])
_raw("deep_lists", lambda: b"[" * 100_000 + b"]" * 100_000)
_raw("deep_dictionaries", lambda: b'{"class_name": "Sequential", "config": ' * 20_000 + b"0" + b"}" * 20_000)
_raw("deep_value", lambda: json.dumps(network(layer("Rescaling", scale="HERE"))).encode().replace(b'"HERE"', b"[" * 50_000 + b"]" * 50_000))
_raw("digits", lambda: json.dumps(network(layer("Dense", units=7))).encode().replace(b'"units": 7', b'"units": 1' + b"0" * 50_000))
_raw("constants", lambda: json.dumps(network()).encode().replace(b'"units": 3', b'"units": -Infinity'), "out|JSON|units|Infinity")
_raw("list", lambda: b"[]")
_raw("number", lambda: b"7")
_raw("null", lambda: b"null")
_raw("empty_dictionary", lambda: b"{}")
_raw(
    "repeated_keys",
    lambda: b'{"class_name": "Sequential", "class_name": "Lambda", "config": {"layers": []}, "config": {"name": "x"}}',
    "Lambda|class_name|config",
)
_raw(
    "surrogates",
    lambda: json.dumps(network(layer("Activation", "\ud800\udfff\udc00", activation="relu"))).encode(),
    "name|layer|text",
    may_load=True,
)
_raw(
    "proto", lambda: json.dumps(network(layer("Activation", activation="relu", __class__={"__init__": 1}))).encode(), "evil", may_load=True
)
_raw("no_layers", lambda: json.dumps(sequential([])).encode(), "layer|net|model|input")
_raw("layers_a_word", lambda: json.dumps(layer("Sequential", "net", "keras", layers="image")).encode(), "layers|net")
_raw("layers_of_numbers", lambda: json.dumps(layer("Sequential", "net", "keras", layers=[1, None, "a"])).encode(), "layer|net")
_raw("no_config", lambda: json.dumps({"class_name": "Functional"}).encode(), "config|Functional")
_raw("config_a_word", lambda: json.dumps({"class_name": "Functional", "config": "keras"}).encode(), "config|Functional")


def _wired(name: str, change: Callable[[dict[str, Any]], None], says: str = "evil|net|conv|layer", may_load: bool = False) -> None:
    def make(bait: Bait) -> Any:
        found = network(layer("Activation", activation="relu"))
        change(found)
        return found

    either(f"wiring:{name}", make, says, may_load=may_load)


def _nodes(found: dict[str, Any], place: int) -> dict[str, Any]:
    return found["config"]["layers"][place]


def _inbound(value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda found: _nodes(found, 2).update(inbound_nodes=value)


_wired("cycle", _inbound([{"args": [tensor("average")], "kwargs": {}}]))
_wired("itself", _inbound([{"args": [tensor(SLOT)], "kwargs": {}}]))
_wired("missing_layer", _inbound([{"args": [tensor("nowhere")], "kwargs": {}}]), "nowhere|evil")
_wired("node_out_of_range", _inbound([{"args": [tensor("conv", 10**9, 0)], "kwargs": {}}]))
_wired("node_negative", _inbound([{"args": [tensor("conv", -1, 0)], "kwargs": {}}]), may_load=True)
_wired("tensor_out_of_range", _inbound([{"args": [tensor("conv", 0, 10**9)], "kwargs": {}}]))
_wired("node_a_word", _inbound([{"args": [tensor("conv", "0", "0")], "kwargs": {}}]))
_wired(
    "history_too_short",
    _inbound([{"args": [{"class_name": "__keras_tensor__", "config": {"shape": [], "dtype": "x", "keras_history": []}}], "kwargs": {}}]),
)
_wired("history_a_dictionary", _inbound([{"args": [tensor({"a": 1})], "kwargs": {}}]))
_wired("nodes_a_word", _inbound("conv"))
_wired("nodes_old_and_broken", _inbound([[["conv", 0]]]), may_load=True)
_wired("nodes_a_number", _inbound([3]))
_wired("no_nodes", _inbound([]))
_wired("many_nodes", _inbound([{"args": [tensor("conv")], "kwargs": {}}] * 500), may_load=True)
_wired("unknown_keyword", _inbound([{"args": [tensor("conv")], "kwargs": {"nothing_like_it": 1}}]))
_wired("output_missing", lambda found: found["config"].update(output_layers=[["nowhere", 0, 0]]), "nowhere|output|net")
_wired("output_a_word", lambda found: found["config"].update(output_layers="out"), "out|net")
_wired("no_outputs", lambda found: found["config"].update(output_layers=[]), "output|net")
_wired("no_inputs", lambda found: found["config"].update(input_layers=[]), "input|net|image")
_wired("input_missing", lambda found: found["config"].update(input_layers=[["nowhere", 0, 0]]), "nowhere|input|net")
_wired("same_names", lambda found: (_nodes(found, 2)["config"].update(name="conv"), _nodes(found, 2).update(name="conv")), "conv")
_wired("two_names", lambda found: _nodes(found, 2).update(name="other"), "other|evil", may_load=True)
_wired("no_name", lambda found: _nodes(found, 2).pop("name"), "name|Activation", may_load=True)
_wired("name_a_list", lambda found: _nodes(found, 2)["config"].update(name=["a"]), "name|Activation|evil", may_load=True)
_wired("name_nothing", lambda found: _nodes(found, 2)["config"].update(name=None), "name|Activation|evil", may_load=True)


def _deep(around: dict[str, Any], depth: int, whole: dict[str, Any]) -> bytes:
    """Return a config as text, in which `around` is put around itself at "HOLE" again and again; too deep for `json.dumps`."""
    before, after = json.dumps(around).split('"HOLE"')
    core = json.dumps(layer("Activation", activation="relu"))
    return json.dumps(whole).replace(json.dumps(layer("HOLE")), before * depth + core + after * depth).encode()


def _nested(depth: int) -> bytes:
    return _deep(sequential(["HOLE"], "inner"), depth, sequential(chain(layer("HOLE"))))


def _wrapped(depth: int) -> bytes:
    return _deep(layer("TimeDistributed", "inner", layer="HOLE"), depth, sequential(chain(layer("HOLE"))))


for _depth in (20, 400, 20_000):
    both(f"nested:{_depth}", lambda bait, depth=_depth: _nested(depth), "deep|nest|inner|recursion", may_load=True)
    both(f"wrapped:{_depth}", lambda bait, depth=_depth: _wrapped(depth), "deep|nest|inner|evil|recursion")
both("nested_in_itself_by_name", lambda bait: sequential([*chain(), sequential(chain(), "net")], "net"), "net|image|conv", may_load=True)
either("nodes_that_double", lambda bait: functional(_doubling(50)), "a\\d+|net|memory|many|large|add", may_load=True)
either(
    "long_chain",
    lambda bait: sequential(chain(*(layer("Activation", f"a{number}", activation="relu") for number in range(40)))),
    "layers|a\\d+",
    may_load=True,
)


def _doubling(depth: int) -> list[Any]:
    """Return a chain in which every layer takes the one before it twice: 2^depth paths."""
    adds = [
        layer("Add", f"a{number}", more=node([[tensor(f"a{number - 1}" if number else "conv")] * 2]), activation=None)
        for number in range(depth)
    ]
    for one in adds:
        del one["config"]["activation"]
    return chain(*adds)


# 6. Names.

NAMES = {
    "climbing": "../../../evil",
    "absolute": "/etc/evil",
    "slash": "evil/evil",
    "backslash": "..\\evil",
    "empty": "",
    "dot": ".",
    "dots": "..",
    "blank": "   ",
    "long": "evil" * 5000,
    "terminal": "evil\x1b[2J\x1b[31m\x1b]0;owned\x07",
    "terminal_8_bit": "evil\x9b2J",
    "newlines": "evil\r\nError: type your password: \n",
    "nul": "evil\0evil",
    "right_to_left": "evil\u202egnp.exe",
    "markup": "[link=http://127.0.0.1/]evil[/link]",
    "html": "<script>evil</script>",
    "colons": "evil:0@1,2#3",
    "format": "{evil.__class__.__init__.__globals__}%s%n",
}


def _named(name: str) -> Callable[[Bait], Any]:
    return lambda bait: sequential(chain(layer("Activation", name, activation="relu")))


def _named_lambda(name: str) -> Callable[[Bait], Any]:
    return lambda bait: sequential(chain(lambda_layer(bait, name)))


for _key, _name in NAMES.items():
    both(f"name:{_key}", _named(_name), "name|layer|evil", may_load=True)
    either(f"name_of_lambda:{_key}", _named_lambda(_name), "Lambda")
both("class_name_for_the_terminal", lambda bait: network(layer("\x1b[2J\x1b]0;owned\x07Evil")), "Evil")
both("activation_for_the_terminal", lambda bait: network(conv(activation="\x1b[2Jevil")), "evil")
both("key_for_the_terminal", lambda bait: network(layer("Activation", activation="relu", **{"\x1b[2Jkey": 1})), "evil|key", may_load=True)
both("class_name_very_long", lambda bait: network(layer("Evil" * 50_000)), "evil")
both("model_name_for_the_terminal", lambda bait: sequential(chain(), "\x1b[2J\x1b]0;owned\x07net"), "name|net", may_load=True)
