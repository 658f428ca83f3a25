"""`--custom`: classes and functions of the user's own. That code runs because the user named it; nothing else does."""

import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from ..backend import keras, quietly
from ..errors import ModelError, OptionError
from ..files import as_path
from .saved.trust import KERAS_PACKAGES, Custom

EXPECTED_CODE = "Expected file.py, file.py:Name, package.module, or package.module:Name."
# How the module of a file is called here; no other process knows it by that name.
OF_A_FILE = "convscope_custom_"
IN_A_FILE = re.compile(r"(?P<file>.+\.py)(?::(?P<name>[^:/\\]*))?", re.DOTALL)


def as_custom(given: Any) -> Custom:
    """Accept "file.py", "package.module", either with ":Name", classes, functions, a dictionary of them, or a sequence of these."""
    if isinstance(given, Custom):
        return given
    if isinstance(given, Mapping):
        return Custom(given)
    named: dict[str, Any] = {}
    whole: dict[str, Any] = {}
    for one in [given] if isinstance(given, str | Path) or callable(given) else list(given):
        if isinstance(one, str | Path):
            module, wanted = _module(str(one))
            (named if wanted else whole).update({wanted: _one(module, wanted, str(one))} if wanted else _contents(module))
        else:
            named |= _object(one)
    return Custom(whole | named, whole=whole.keys() - named.keys())


def _object(one: Any) -> dict[str, Any]:
    if isinstance(one, Mapping):
        return dict(one)
    if not hasattr(one, "__name__"):
        raise OptionError(f"Received {type(one).__name__} as custom code. {EXPECTED_CODE} In Python classes and functions also work.")
    return {one.__name__: one}


def _module(text: str) -> tuple[ModuleType, str]:
    """Return the module that a text names, imported, and the name in it that is wanted, "" for all."""
    keras.__name__  # noqa: B018 (Keras first: it chooses the backend, and what that prints while it loads is kept from the terminal)
    if found := IN_A_FILE.fullmatch(text):
        return _from_file(as_path(found["file"])), found["name"] or ""
    name, _, wanted = text.partition(":")
    try:
        with quietly():
            return importlib.import_module(name), wanted
    except Exception as error:
        raise OptionError(f"The module `{name}` of --custom {text} cannot be imported: {error}. {EXPECTED_CODE}") from error


def _one(module: ModuleType, wanted: str, text: str) -> Any:
    if not hasattr(module, wanted):
        raise OptionError(f"`{text.removesuffix(f':{wanted}')}` of --custom has no `{wanted}`. {EXPECTED_CODE}")
    return getattr(module, wanted)


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise OptionError(f"No file `{path}` for --custom. {EXPECTED_CODE}")
    name = f"{OF_A_FILE}{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with quietly():
            spec.loader.exec_module(module)
    except Exception as error:
        raise ModelError(f"`{path}`, named by --custom, failed: {type(error).__name__}: {error}") from error
    return module


def _contents(module: ModuleType) -> dict[str, Any]:
    """Return the public layers and operations in a module, also those from elsewhere but not Keras' own, and the functions of its package.

    Of a function a file can ask only that it is applied to one tensor.
    """
    found = {}
    for name, item in vars(module).items():
        home = str(getattr(item, "__module__", None)).split(".", 1)[0]
        if name.startswith("_"):
            continue
        layer = inspect.isclass(item) and issubclass(item, keras.Layer | keras.Operation) and home not in KERAS_PACKAGES
        if layer or (inspect.isfunction(item) and home == module.__name__.split(".", 1)[0]):
            found[name] = item
    return found
