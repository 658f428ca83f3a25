"""`--custom`: classes and functions of the user's own. That code runs because the user named it; nothing else does."""

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from ..backend import keras
from ..errors import ModelError, OptionError
from .saved.trust import Custom

EXPECTED = "Expected file.py, package.module, or package.module:Name."


def as_custom(given: Any) -> Custom:
    """Accept "file.py", "package.module", "package.module:Name", classes, functions, a dictionary of them, or a sequence of these."""
    if isinstance(given, Custom):
        return given
    if isinstance(given, Mapping):
        return Custom(given)
    objects: dict[str, Any] = {}
    for one in [given] if isinstance(given, str | Path) or callable(given) else list(given):
        objects |= _named(str(one)) if isinstance(one, str | Path) else _object(one)
    return Custom(objects)


def _object(one: Any) -> dict[str, Any]:
    if isinstance(one, Mapping):
        return dict(one)
    if not hasattr(one, "__name__"):
        raise OptionError(f"Received {type(one).__name__} as custom code. {EXPECTED} In Python also classes and functions.")
    return {one.__name__: one}


def _named(text: str) -> dict[str, Any]:
    if text.endswith(".py"):
        return _contents(_from_file(Path(text).expanduser()))
    name, _, wanted = text.partition(":")
    try:
        module = importlib.import_module(name)
    except Exception as error:
        raise OptionError(f"The module `{name}` of --custom {text} cannot be imported: {error}. {EXPECTED}") from error
    if not wanted:
        return _contents(module)
    if not hasattr(module, wanted):
        raise OptionError(f"The module `{name}` has no `{wanted}`. {EXPECTED}")
    return {wanted: getattr(module, wanted)}


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise OptionError(f"No file `{path}` for --custom. {EXPECTED}")
    name = f"convscope_custom_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ModelError(f"`{path}`, named by --custom, failed: {type(error).__name__}: {error}") from error
    return module


def _contents(module: ModuleType) -> dict[str, Any]:
    """Return a module's own layers, models and functions."""
    found = {}
    for name, item in vars(module).items():
        own = getattr(item, "__module__", None) == module.__name__
        if (inspect.isclass(item) and issubclass(item, keras.Layer | keras.Operation) and own) or (inspect.isfunction(item) and own):
            found[name] = item
    return found
