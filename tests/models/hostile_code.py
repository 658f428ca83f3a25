"""Hostile configs: code in the file, and names that reach out of Keras."""

import base64
import json
import marshal
import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from models.hostile import (
    SLOT,
    Bait,
    add,
    both,
    chain,
    conv,
    function,
    functional,
    hdf5_file,
    keras_file,
    layer,
    network,
    node,
    old,
    old_sequential,
    operation,
    sequential,
    tensor,
)

# 1. Code in the file: Lambda, in every place that can hold one.


def bytecode(bait: Bait) -> tuple[str, Any, Any]:
    """Return what Keras' `func_dump` makes of a lambda that leaves the mark."""
    code = eval(f"lambda x: ({bait.python}, x)[1]").__code__
    return base64.b64encode(marshal.dumps(code)).decode() + "\n", None, None


def new_lambda(bait: Bait) -> dict[str, Any]:
    code, defaults, closure = bytecode(bait)
    return {"class_name": "__lambda__", "config": {"code": code, "defaults": defaults, "closure": closure, "value": code}}


def lambda_layer(bait: Bait, name: str = SLOT, **changes: Any) -> dict[str, Any]:
    return layer("Lambda", name, **({"function": new_lambda(bait), "arguments": {}} | changes))


def old_lambda(bait: Bait, **changes: Any) -> dict[str, Any]:
    config = {"function": list(bytecode(bait)), "function_type": "lambda", "module": "__main__", "output_shape": None, "arguments": {}}
    return old("Lambda", **(config | changes))


LAMBDA = "`(evil|outer|cells)[^`]*`.*Lambda|Lambda.*`(evil|outer|cells)"

both("lambda_functional", lambda bait: network(lambda_layer(bait)), LAMBDA)
both("lambda_sequential", lambda bait: sequential(chain(lambda_layer(bait))), LAMBDA)
both("lambda_of_keras_2", lambda bait: old_sequential(old_lambda(bait)), LAMBDA)
both(
    "lambda_of_keras_2_in_keras_3", lambda bait: network(lambda_layer(bait, function=list(bytecode(bait)), function_type="lambda")), LAMBDA
)
both(
    "lambda_naming_a_function",
    lambda bait: old_sequential(old_lambda(bait, function="system", function_type="function", module="os")),
    LAMBDA,
)
both("lambda_of_os_system", lambda bait: network(lambda_layer(bait, function=function("os", "system"))), LAMBDA)
both(
    "lambda_of_a_keras_function",
    lambda bait: network(lambda_layer(bait, function=function("keras.activations", "relu"))),
    LAMBDA,
    may_load=True,
)
both(
    "lambda_of_get_file",
    lambda bait: network(
        lambda_layer(bait, function=function("keras.utils", "get_file"), arguments={"origin": bait.address, "extract": True})
    ),
    LAMBDA,
)
both(
    "lambda_in_its_output_shape",
    lambda bait: network(lambda_layer(bait, function=function("keras.activations", "relu"), output_shape=new_lambda(bait))),
    LAMBDA,
)
both("lambda_in_its_mask", lambda bait: network(lambda_layer(bait, function="relu", mask=new_lambda(bait))), LAMBDA)
both("lambda_by_its_inner_module", lambda bait: network(lambda_layer(bait) | {"module": "keras.src.layers.core.lambda_layer"}), LAMBDA)
both("lambda_registered_as_dense", lambda bait: network(lambda_layer(bait) | {"registered_name": "Dense"}), LAMBDA)
both("lambda_registered_as_custom", lambda bait: network(lambda_layer(bait) | {"registered_name": "Custom>Lambda"}), LAMBDA)
both("lambda_with_a_package", lambda bait: network(lambda_layer(bait) | {"class_name": "keras>Lambda"}), LAMBDA)
both("lambda_with_a_dotted_name", lambda bait: network(lambda_layer(bait) | {"class_name": "keras.layers.Lambda"}), LAMBDA)
both("lambda_without_a_module", lambda bait: network(lambda_layer(bait) | {"module": None}), LAMBDA)
both("lambda_as_the_model", lambda bait: lambda_layer(bait), "Lambda")
both("lambda_in_time_distributed", lambda bait: network(layer("TimeDistributed", "outer", layer=lambda_layer(bait))), LAMBDA)
both("lambda_in_spectral_normalization", lambda bait: network(layer("SpectralNormalization", "outer", layer=lambda_layer(bait))), LAMBDA)
both("lambda_in_bidirectional", lambda bait: network(layer("Bidirectional", "outer", layer=lambda_layer(bait))), LAMBDA)
both("lambda_in_wrapper", lambda bait: network(layer("Wrapper", "outer", layer=lambda_layer(bait))), LAMBDA)
both("lambda_in_pipeline", lambda bait: network(layer("Pipeline", "outer", layers=[lambda_layer(bait)])), LAMBDA)
both("lambda_in_random_choice", lambda bait: network(layer("RandAugment", "outer", layers=[lambda_layer(bait)])), LAMBDA + "|layers")
both(
    "lambda_in_rnn_cells",
    lambda bait: network(layer("RNN", "outer", cell=layer("StackedRNNCells", "cells", cells=[lambda_layer(bait)]))),
    LAMBDA,
)
both(
    "lambda_nested_deeply",
    lambda bait: network(
        sequential([layer("Activation", "a", activation="relu"), functional(chain(sequential([lambda_layer(bait)], "b")), "c")], "d")
    ),
    LAMBDA,
)
both(
    "lambda_among_custom_objects",
    lambda bait: network(layer("Activation", activation="relu", custom_objects={"relu": new_lambda(bait)})),
    "evil|__lambda__",
    may_load=True,
)
both(
    "lambda_shared_by_id",
    lambda bait: network(lambda_layer(bait) | {"shared_object_id": 7}, layer("Dense", "later", more={"shared_object_id": 7}, units=2)),
    LAMBDA,
)
both("lambda_of_old_lists", lambda bait: old_sequential(old("TimeDistributed", "outer", layer=old_lambda(bait))), LAMBDA)
both(
    "lambda_in_an_old_list_of_layers",
    lambda bait: {
        "class_name": "Sequential",
        "config": [old("Conv2D", "conv", filters=2, kernel_size=[3, 3], batch_input_shape=[None, 8, 8, 3]), old_lambda(bait)],
    },
    LAMBDA,
)
both(
    "lambda_of_broken_code",
    lambda bait: network(
        lambda_layer(bait, function={"class_name": "__lambda__", "config": {"code": "////", "defaults": None, "closure": None}})
    ),
    LAMBDA,
)


# 2. Names that reach out of Keras, wherever a config names a class or a function.

TARGETS: dict[str, tuple[str, str, Callable[[Bait], Any]]] = {
    "os_system": ("os", "system", lambda bait: bait.touch),
    "posix_system": ("posix", "system", lambda bait: bait.touch),
    "builtins_eval": ("builtins", "eval", lambda bait: bait.python),
    "builtins_exec": ("builtins", "exec", lambda bait: bait.python),
    "builtins_open": ("builtins", "open", lambda bait: {"file": str(bait.mark), "mode": "w"}),
    "subprocess_popen": ("subprocess", "Popen", lambda bait: {"args": bait.touch, "shell": True}),
    "import_module": ("importlib", "import_module", lambda bait: bait.PROBE),
    "probe": (Bait.PROBE, "Probe", lambda bait: {}),
    "pickle_loads": ("pickle", "loads", lambda bait: {"data": pickled(bait).decode("latin-1")}),
    "numpy_load": ("numpy", "load", lambda bait: {"file": str(bait.folder / "secret.raw"), "allow_pickle": True}),
    "numpy_fromfile": ("numpy", "fromfile", lambda bait: {"file": str(bait.folder / "secret.raw")}),
    "tensorflow_read_file": ("tensorflow.io", "read_file", lambda bait: {"filename": str(bait.folder / "secret.raw")}),
    "tensorflow_py_function": ("tensorflow", "py_function", lambda bait: {"func": new_lambda(bait), "inp": [], "Tout": "float32"}),
    "torch_load": ("torch", "load", lambda bait: {"f": str(bait.folder / "secret.raw")}),
    "get_file": ("keras.utils", "get_file", lambda bait: {"fname": "x", "origin": bait.address, "cache_dir": str(bait.folder)}),
    "get_file_inside": ("keras.src.utils.file_utils", "get_file", lambda bait: {"fname": "x", "origin": bait.address}),
    "extract_archive": ("keras.src.utils.file_utils", "extract_archive", lambda bait: {"file_path": str(bait.folder / "secret.keras")}),
    "load_model": ("keras.saving", "load_model", lambda bait: {"filepath": str(bait.folder / "secret.keras"), "safe_mode": False}),
    "load_model_inside": (
        "keras.src.saving.saving_lib",
        "load_model",
        lambda bait: {"filepath": str(bait.folder / "secret.keras"), "safe_mode": False},
    ),
    "model_from_json": ("keras.models", "model_from_json", lambda bait: {"json_string": json.dumps(network(lambda_layer(bait)))}),
    "unsafe_deserialization": ("keras.config", "enable_unsafe_deserialization", lambda bait: {}),
    "unsafe_deserialization_inside": ("keras.src.saving.serialization_lib", "enable_unsafe_deserialization", lambda bait: {}),
    "safe_mode_scope": ("keras.src.saving.serialization_lib", "SafeModeScope", lambda bait: {"safe_mode": False}),
    "set_floatx": ("keras.config", "set_floatx", lambda bait: {"value": "float64"}),
    "func_load": ("keras.src.utils.python_utils", "func_load", lambda bait: {"code": bytecode(bait)[0]}),
    "ask_to_proceed": ("keras.src.utils.io_utils", "ask_to_proceed_with_overwrite", lambda bait: {"filepath": "x"}),
    "image_dataset": ("keras.utils", "image_dataset_from_directory", lambda bait: {"directory": str(bait.folder)}),
    "load_img": ("keras.utils", "load_img", lambda bait: {"path": str(bait.folder / "secret.raw")}),
    "dataset_download": ("keras.datasets.mnist", "load_data", lambda bait: {}),
    "application": ("keras.applications", "VGG16", lambda bait: {"weights": str(bait.folder / "secret.h5")}),
    "checkpoint_callback": ("keras.callbacks", "ModelCheckpoint", lambda bait: {"filepath": str(bait.mark)}),
    "backup_callback": ("keras.callbacks", "BackupAndRestore", lambda bait: {"backup_dir": str(bait.mark)}),
    "csv_logger": ("keras.callbacks", "CSVLogger", lambda bait: {"filename": str(bait.mark)}),
    "export_archive": ("keras.export", "ExportArchive", lambda bait: {}),
    "h5_store": ("keras.src.saving.saving_lib", "H5IOStore", lambda bait: {"root_path": str(bait.mark), "mode": "w"}),
    "disk_store": ("keras.src.saving.saving_lib", "DiskIOStore", lambda bait: {"root_path": str(bait.mark), "mode": "w"}),
    "remote_monitor": ("keras.callbacks", "RemoteMonitor", lambda bait: {"root": bait.address}),
}
WIDE = ("os_system", "probe", "unsafe_deserialization", "get_file")


def pickled(bait: Bait) -> bytes:
    class Bomb:
        def __reduce__(self):
            return os.system, (bait.touch,)

    return pickle.dumps(Bomb())


def as_class(target: str, bait: Bait) -> dict[str, Any]:
    module, name, arguments = TARGETS[target]
    config = arguments(bait)
    return {"module": module, "class_name": name, "config": config, "registered_name": name}


def as_layer(target: str, bait: Bait) -> dict[str, Any]:
    found = as_class(target, bait)
    config = found["config"] if isinstance(found["config"], dict) else {"command": found["config"]}
    return found | {"config": {"name": SLOT, **config}}


def as_function(target: str) -> dict[str, Any]:
    module, name, _ = TARGETS[target]
    return function(module, name)


# Where a target can be put; the second says that a loader may also leave it unread.
PLACES: dict[str, tuple[Callable[[str, Bait], Any], bool]] = {
    "model": (lambda target, bait: as_class(target, bait), False),
    "model_function": (lambda target, bait: as_function(target), False),
    "layer": (lambda target, bait: network(as_layer(target, bait)), False),
    "layer_bare": (lambda target, bait: sequential(chain(as_class(target, bait))), False),
    "layer_function": (lambda target, bait: network(as_function(target) | {"name": SLOT}), False),
    "layer_of_keras_2": (
        lambda target, bait: old_sequential({"class_name": TARGETS[target][1], "config": TARGETS[target][2](bait)}),
        False,
    ),
    "layer_dotted": (lambda target, bait: network(layer(".".join(TARGETS[target][:2]))), False),
    "layer_registered": (
        lambda target, bait: network(layer(TARGETS[target][1], module=None, registered=f"{TARGETS[target][0]}>{TARGETS[target][1]}")),
        False,
    ),
    "dense_of_module": (lambda target, bait: network(layer("Activation", activation="relu", module=TARGETS[target][0])), True),
    "activation": (lambda target, bait: network(conv(activation=as_function(target))), False),
    "activation_class": (lambda target, bait: network(conv(activation=as_class(target, bait))), False),
    "activation_text": (lambda target, bait: network(conv(activation=".".join(TARGETS[target][:2]))), False),
    "activation_name": (lambda target, bait: network(conv(activation=TARGETS[target][1])), False),
    "activation_layer": (lambda target, bait: sequential(chain(layer("Activation", activation=as_function(target)))), False),
    "activation_of_keras_2": (lambda target, bait: old_sequential(old("Activation", activation=as_function(target))), False),
    "recurrent_activation": (
        lambda target, bait: network(layer("ConvLSTM2D", filters=2, kernel_size=3, recurrent_activation=as_function(target))),
        False,
    ),
    "wrapped": (lambda target, bait: network(layer("TimeDistributed", "outer", layer=as_layer(target, bait))), False),
    "wrapped_function": (lambda target, bait: network(layer("TimeDistributed", SLOT, layer=as_function(target))), False),
    "call_argument": (
        lambda target, bait: network(layer("Activation", activation="relu", more=node([tensor("conv"), as_class(target, bait)]))),
        False,
    ),
    "call_function": (
        lambda target, bait: network(layer("Activation", activation="relu", more=node([tensor("conv")], {"mask": as_function(target)}))),
        False,
    ),
    "operation_argument": (lambda target, bait: network(operation("Multiply", [tensor("conv"), as_class(target, bait)])), False),
    "operation_deep_argument": (
        lambda target, bait: network(operation("Multiply", [tensor("conv"), [{"a": [as_class(target, bait)]}]])),
        False,
    ),
    "operation_option": (
        lambda target, bait: network(
            operation("Clip", [tensor("conv")], module="keras.src.ops.numpy", x_min=as_class(target, bait), x_max=1)
        ),
        False,
    ),
    "pool_size": (lambda target, bait: network(layer("MaxPooling2D", pool_size=[as_class(target, bait), 2])), False),
    "scale": (lambda target, bait: network(layer("Rescaling", scale=as_class(target, bait))), False),
    "axis": (lambda target, bait: network(layer("BatchNormalization", axis=as_function(target))), False),
    "unknown_key": (lambda target, bait: network(layer("Activation", activation="relu", extra=as_class(target, bait))), True),
    "initializer": (lambda target, bait: network(conv(kernel_initializer=as_class(target, bait))), True),
    "initializer_function": (lambda target, bait: network(conv(bias_initializer=as_function(target))), True),
    "regularizer": (lambda target, bait: network(conv(kernel_regularizer=as_class(target, bait))), True),
    "activity_regularizer": (lambda target, bait: network(conv(activity_regularizer=as_class(target, bait))), True),
    "constraint": (lambda target, bait: network(conv(kernel_constraint=as_function(target))), True),
    "dtype": (lambda target, bait: network(layer("Activation", activation="relu", dtype=as_class(target, bait))), True),
    "model_dtype": (
        lambda target, bait: (lambda one: one | {"config": one["config"] | {"dtype": as_class(target, bait)}})(sequential(chain())),
        True,
    ),
    "dtype_map": (
        lambda target, bait: network(
            layer(
                "Activation",
                activation="relu",
                dtype={
                    "module": "keras.dtype_policies",
                    "class_name": "DTypePolicyMap",
                    "config": {"default_policy": as_class(target, bait), "policy_map": {}},
                    "registered_name": None,
                },
            )
        ),
        True,
    ),
    "quantization": (lambda target, bait: network(layer("Dense", units=2, quantization_config=as_class(target, bait))), True),
    "seed": (lambda target, bait: network(layer("Dropout", rate=0.5, seed=as_class(target, bait))), True),
    "build_config": (
        lambda target, bait: network(
            layer("Activation", activation="relu", more={"build_config": {"input_shape": as_class(target, bait)}})
        ),
        True,
    ),
    "compile_config": (
        lambda target, bait: (
            network()
            | {"compile_config": {"optimizer": as_class(target, bait), "loss": as_function(target), "metrics": [as_class(target, bait)]}}
        ),
        True,
    ),
    "synchronized": (lambda target, bait: network(layer("BatchNormalization", synchronized=as_class(target, bait))), True),
    "input_dtype": (
        lambda target, bait: sequential(
            [layer("InputLayer", "image", batch_shape=[None, 8, 8, 3], dtype=as_class(target, bait)), *chain()[1:]]
        ),
        True,
    ),
    "input_tensor": (
        lambda target, bait: sequential(
            [layer("InputLayer", "image", batch_shape=[None, 8, 8, 3], input_tensor=as_class(target, bait)), *chain()[1:]]
        ),
        True,
    ),
    "node": (lambda target, bait: network(layer("Activation", activation="relu", more={"inbound_nodes": as_class(target, bait)})), False),
    "node_keyword": (
        lambda target, bait: network(
            layer("Activation", activation="relu", more=node([tensor("conv")], {"training": as_class(target, bait)}))
        ),
        True,
    ),
}
WHOLE = ("model", "model_function", "layer_bare", "layer_of_keras_2")


def _targets() -> Iterator[tuple[str, str]]:
    for place in PLACES:
        for target in TARGETS:
            if target in (WIDE[:2] if PLACES[place][1] else WIDE) or place in ("layer", "activation", "model"):
                yield place, target


def _enter_targets() -> None:
    for number, (place, target) in enumerate(_targets()):
        make, may_load = PLACES[place]
        says = f"{TARGETS[target][1]}|{TARGETS[target][0]}" + ("|'function'" if place in WHOLE else f"|{SLOT}|outer|image|input")

        def write(folder: Path, bait: Bait, make: Any = make, target: str = target, suffix: str = ("keras", "h5")[number % 2]) -> Path:
            return (keras_file if suffix == "keras" else hdf5_file)(folder / f"model.{suffix}", make(target, bait))

        add(f"{place}:{target}", write, says, may_load)


_enter_targets()


def _training_config(target: str) -> Callable[[Path, Bait], Path]:
    def write(folder: Path, bait: Bait) -> Path:
        training = {"optimizer_config": as_class(target, bait), "loss": as_function(target), "metrics": [new_lambda(bait)]}
        return hdf5_file(folder / "model.h5", network(), lambda file: file.attrs.update({"training_config": json.dumps(training)}))

    return write


for _target in WIDE:
    add(f"training_config:{_target}", _training_config(_target), _target, may_load=True)


both("custom_class_of_the_probe", lambda bait: network(layer("Net", module=Bait.PROBE, registered="package>Net")), "Net|evil")
both("subclassed_model_of_the_probe", lambda bait: layer("Net", "net", Bait.PROBE, "package>Net"), "Net")
both("registered_name_hides_the_probe", lambda bait: network(layer("Probe", module=Bait.PROBE, registered="Dense", units=2)), "Probe|evil")
both(
    "class_name_hides_the_probe",
    lambda bait: network(layer("Dense", module=Bait.PROBE, registered="Probe", units=2)),
    "Probe|evil|Dense",
    may_load=True,
)
both("class_name_is_no_text", lambda bait: network(layer(["Dense"], units=2)), "evil|class_name")
both("class_name_is_a_dictionary", lambda bait: network(layer({"class_name": "Lambda"})), "evil|class_name")
both("class_name_is_empty", lambda bait: network(layer("")), "evil|class_name")
both("class_name_is_private", lambda bait: network(layer("__class__")), "evil|__class__")
both("class_name_is_a_base_class", lambda bait: network(layer("Layer")), "evil|Layer", may_load=True)
both("class_name_is_a_keras_module", lambda bait: network(layer("backend", module="keras.src")), "evil|backend")
both(
    "an_operation_that_is_a_function",
    lambda bait: network(operation("custom_gradient", [tensor("conv")], module="keras.ops")),
    "evil|custom_gradient",
)
both(
    "an_operation_with_a_callable",
    lambda bait: network(operation("Map", [tensor("conv")], module="keras.src.ops.core", f=new_lambda(bait))),
    "evil|Map",
)
both(
    "an_operation_that_loops_for_ever",
    lambda bait: network(
        operation("WhileLoop", [tensor("conv")], module="keras.src.ops.core", cond=new_lambda(bait), body=new_lambda(bait))
    ),
    "evil|WhileLoop",
)
both("an_operation_that_is_not_there", lambda bait: network(operation("SystemCall", [tensor("conv")])), "evil|SystemCall")
both("a_tensorflow_operation_that_reads", lambda bait: old_sequential(old("TFOpLambda", function="io.read_file")), "evil|io.read_file")
both("a_tensorflow_operation_that_runs", lambda bait: old_sequential(old("TFOpLambda", function="py_function")), "evil|py_function")
both("a_tensorflow_operation_of_a_module", lambda bait: old_sequential(old("TFOpLambda", function="__builtins__.eval")), "evil|eval")
both("a_slicing_operation_of_a_file", lambda bait: old_sequential(old("SlicingOpLambda", function="io.write_file")), "evil|write_file")
both("activation_lambda", lambda bait: network(conv(activation=new_lambda(bait))), "evil|__lambda__")
both("activation_bytecode", lambda bait: network(conv(activation=list(bytecode(bait)))), "evil|activation")
both("activation_lambda_layer", lambda bait: network(conv(activation=lambda_layer(bait))), "evil|Lambda")
both(
    "activation_with_a_path",
    lambda bait: network(conv(activation=f"keras.src.utils.file_utils.get_file({bait.address!r})")),
    "evil|activation",
)
both("activation_private", lambda bait: network(conv(activation="__builtins__")), "evil|__builtins__")
both("activation_of_the_module_itself", lambda bait: network(conv(activation="deserialize")), "evil|deserialize")
both("activation_get", lambda bait: network(conv(activation=function("keras.activations", "get"))), "evil|get")
both("activation_is_a_number", lambda bait: network(conv(activation=3)), "evil|activation")
both("initializer_lambda", lambda bait: network(conv(kernel_initializer=new_lambda(bait))), "evil", may_load=True)
both(
    "initializer_array",
    lambda bait: network(conv(kernel_initializer={"class_name": "__numpy__", "config": {"value": [1], "dtype": "O"}})),
    "evil",
    may_load=True,
)
