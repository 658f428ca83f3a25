"""Hostile layers: they open files and addresses, hold pickles, or put strange values into calls."""

import base64
from collections.abc import Callable
from typing import Any

from models.hostile import HUGE, SLOT, Bait, both, layer, network, old, old_sequential, operation, tensor
from models.hostile_code import as_class, new_lambda, pickled

# 3. Layers that open files and addresses, or hold pickles.

LOOKUP = "evil"

for _name in ("StringLookup", "IntegerLookup", "TextVectorization"):
    both(
        f"vocabulary_path:{_name}",
        lambda bait, name=_name: network(layer(name, vocabulary=str(bait.folder / "vocabulary.txt"))),
        f"{LOOKUP}|{_name}",
    )
    both(f"vocabulary_address:{_name}", lambda bait, name=_name: network(layer(name, vocabulary=bait.address)), f"{LOOKUP}|{_name}")
    both(
        f"vocabulary_file_key:{_name}",
        lambda bait, name=_name: old_sequential(old(name, vocabulary_file=str(bait.folder / "vocabulary.txt"), vocabulary=None)),
        f"{LOOKUP}|{_name}|average",
        may_load=True,
    )
both("vocabulary_passwords", lambda bait: network(layer("StringLookup", vocabulary="/etc/passwd")), "evil|StringLookup")
both(
    "vocabulary_idf",
    lambda bait: network(layer("StringLookup", vocabulary=["a"], idf_weights=str(bait.folder / "vocabulary.txt"), output_mode="tf_idf")),
    "evil|StringLookup",
)
both("standardize_function", lambda bait: network(layer("TextVectorization", standardize=new_lambda(bait))), "evil|TextVectorization")
both(
    "saved_model_layer",
    lambda bait: network(layer("TFSMLayer", filepath=str(bait.folder / "saved"), call_endpoint="serve")),
    "evil|TFSMLayer",
)
both("saved_model_address", lambda bait: network(layer("TFSMLayer", filepath=bait.address, call_endpoint="serve")), "evil|TFSMLayer")
both(
    "torch_module",
    lambda bait: network(layer("TorchModuleWrapper", module=base64.b64encode(pickled(bait)).decode(), output_shape=None)),
    "evil|TorchModuleWrapper",
)
both(
    "torch_module_inside",
    lambda bait: network(
        layer("TorchModuleWrapper")
        | {"module": "keras.src.utils.torch_utils", "config": {"name": SLOT, "module": base64.b64encode(pickled(bait)).decode()}}
    ),
    "evil|TorchModuleWrapper",
)
both("jax_layer", lambda bait: network(layer("JaxLayer", call_fn=new_lambda(bait), init_fn=new_lambda(bait))), "evil|JaxLayer")
both("flax_layer", lambda bait: network(layer("FlaxLayer", module=as_class("probe", bait))), "evil|FlaxLayer")
both(
    "feature_space",
    lambda bait: layer("FeatureSpace", "net", "keras.utils", features={"a": as_class("probe", bait)}, output_mode="concat"),
    "FeatureSpace",
)
both(
    "feature_space_layer",
    lambda bait: network(layer("FeatureSpace", module="keras.src.layers.preprocessing.feature_space", features={})),
    "evil|FeatureSpace",
)
both("hashed_crossing", lambda bait: network(layer("HashedCrossing", num_bins=HUGE)), "evil|HashedCrossing", may_load=True)
both(
    "model_that_reads_weights",
    lambda bait: network(
        layer(
            "Functional",
            module="keras.src.models.functional",
            layers=[],
            input_layers=[],
            output_layers=[],
            weights=str(bait.folder / "secret.h5"),
        )
    ),
    "evil|layers|input",
)


def value(kind: str, config: Any) -> Callable[[Bait], Any]:
    return lambda bait: network(operation("Multiply", [tensor("conv"), {"class_name": kind, "config": config}]))


both("array_of_objects", value("__numpy__", {"value": [1], "dtype": "O"}), "evil|__numpy__|dtype", may_load=True)
both("array_of_records", value("__numpy__", {"value": [1], "dtype": "f4,O"}), "evil|__numpy__|dtype")
both("array_of_huge_text", value("__numpy__", {"value": ["a"], "dtype": "U500000000"}), "evil|__numpy__|dtype")
both("array_of_words", value("__numpy__", {"value": "text", "dtype": "float32"}), "evil|__numpy__|value|Multiply")
both("tensor_of_a_huge_text", value("__tensor__", {"value": [1], "dtype": "S500000000"}), "evil|__tensor__|dtype")
both("tensor_of_no_type", value("__tensor__", {"value": [1], "dtype": "os.system"}), "evil|__tensor__|dtype")
both("tensor_without_a_value", value("__tensor__", {}), "evil|__tensor__")
both("bytes_value", value("__bytes__", {"value": "\ud800"}), "evil|__bytes__")
both(
    "slice_value",
    value("__slice__", {"start": {"class_name": "__lambda__", "config": {}}, "stop": None, "step": None}),
    "evil|__slice__|__lambda__",
)
both(
    "type_specification",
    lambda bait: network(
        operation(
            "Multiply",
            [
                tensor("conv"),
                {"class_name": "__typespec__", "spec_name": "Probe", "module": Bait.PROBE, "registered_name": None, "config": [[1]]},
            ],
        )
    ),
    "evil|__typespec__",
)
both(
    "type_specification_of_tensorflow",
    lambda bait: network(
        operation(
            "Multiply",
            [
                tensor("conv"),
                {
                    "class_name": "__typespec__",
                    "spec_name": "TensorSpec",
                    "module": "tensorflow",
                    "registered_name": None,
                    "config": ["io", "saved_model"],
                },
            ],
        )
    ),
    "evil|__typespec__",
)
both("unknown_value", value("__pickle__", {"value": "gASVAAAA"}), "evil|__pickle__")
