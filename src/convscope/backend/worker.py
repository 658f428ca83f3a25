"""What a process computes with, as far as its numbers depend on it: two workers of one request must not differ in it."""

from collections.abc import Mapping

from ..errors import BackendError
from .lazy import device_name, engine
from .precision import native_bfloat16, resolve_precision
from .select import choose, versions

FRAMEWORKS = {"tensorflow": ("tensorflow", "tensorflow-cpu"), "torch": ("torch",), "jax": ("jax",)}


def worker_kind(precision: str) -> dict[str, str]:
    """Return what this process computes with, as plain data: releases, backend, device, and the precision that "auto" is here."""
    backend, released = choose(), versions()
    framework = next((released[name] for name in FRAMEWORKS[backend] if name in released), "")
    found = {"convscope": released.get("convscope", ""), "keras": released.get("keras", ""), "backend": backend, backend: framework}
    found |= {"device": device_name(), "kind of device": engine().device_kind(), "precision": resolve_precision(precision)}
    if found["precision"] == "bfloat16" and found["device"] == "cpu":
        found["bfloat16"] = "native" if native_bfloat16() else "emulated"
    return found


def check_worker(expected: Mapping[str, str], where: str) -> None:
    """Raise BackendError if this process, on the machine `where`, computes with something else than `expected`."""
    own = worker_kind(expected["precision"])
    what = next((name for name in {**expected, **own} if expected.get(name) != own.get(name)), None)
    if what is not None:
        raise BackendError(
            f"A worker on `{where}` has {what} {own.get(what) or 'none'}, the others have {expected.get(what) or 'none'}. Their numbers "
            "would differ. Use the same releases and the same kind of device for all workers, and the same command resumes."
        )
