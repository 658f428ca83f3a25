"""The numbered variables of Keras 3, filled in by Keras' own loading: it alone knows under which names a layer keeps what it is made of.

Keras would open the file itself, by HDF5's library and in this process. It is given the arrays of the checked file in its place.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

from ...backend import keras
from .hdf5 import Array, Group, as_array


def fill(network: Any, file: Group) -> None:
    """Give a built network the variables in a file. Raises what Keras raises for those that do not fit."""
    saving: Any = keras.src.saving.saving_lib
    for kind in ("Layer", "Operation", "Functional", "Sequential"):
        # Keras looks for this under one name and remembers it under another, and so makes a layer again for each that it fills.
        saving.global_state.set_global_attribute(f"saving_attr_skiplist_{kind}", saving.get_attr_skipset(kind))
    errors: dict[int, Any] = {}
    failed: set[int] = set()
    saving._load_state(
        network,
        weights_store=_store_class()(file),
        assets_store=None,
        inner_path="",
        visited_saveables=set(),
        failed_saveables=failed,
        error_msgs=errors,
    )
    if failed:
        saving._raise_loading_failure(errors)


@cache
def _store_class() -> Any:
    class Store(keras.src.saving.saving_lib.H5IOStore):  # type: ignore[misc]
        """What `_load_state` takes for an open file: `get` chooses a layer, whose variables it then holds."""

        def __init__(self, file: Group) -> None:
            self.file = file
            self.variables: Group | dict[str, Array] = {}

        def __bool__(self) -> bool:
            return True

        def get(self, path: str) -> Any:
            layer = self.file.get(path) if path else self.file
            variables = layer.get("vars") if isinstance(layer, Group) else None
            self.variables = variables if isinstance(variables, Group) else {}
            return self

        def has_path(self, path: str) -> bool:
            return path in self.file

        def close(self) -> None:
            return

        def keys(self) -> Iterable[str]:
            return self.variables.keys()

        def __len__(self) -> int:
            return len(self.variables)

        def __contains__(self, name: object) -> bool:
            return name in self.variables

        def __getitem__(self, name: str) -> Any:
            return as_array(self.variables[name]).read()

    return Store
