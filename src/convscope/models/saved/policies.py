"""What a layer computes in, as its file says: whole numbers stay whole, all else is computed in float32."""

from collections.abc import Mapping
from typing import Any

WHOLE = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool")


def policy_of(config: Mapping[str, Any]) -> str:
    """Return the name of a layer's policy, "float32" where its config names none."""
    told = config.get("dtype")
    if isinstance(told, Mapping):
        inner = told.get("config")
        told = inner.get("name") if isinstance(inner, Mapping) else None
    return told if isinstance(told, str) else "float32"


def whole_type(config: Mapping[str, Any], writer: int) -> str | None:
    """Return the type of a layer that turns its input into whole numbers or truth values; None of all others.

    Before Keras 3 a layer of such a type left floating point numbers as they were.
    """
    policy = policy_of(config)
    return policy if writer >= 3 and policy in WHOLE else None


def rounding_note(config: Mapping[str, Any]) -> str | None:
    """Return the note on a layer that computes in another floating point type than float32."""
    policy = policy_of(config)
    if policy in ("float32", *WHOLE) or not policy.removeprefix("mixed_").startswith(("float", "bfloat")) or len(policy) > 20:
        return None
    return f"computed in float32: the file's policy is {policy}, whose rounding is not repeated"
