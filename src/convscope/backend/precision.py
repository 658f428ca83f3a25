"""bfloat16 where the processor multiplies it natively and the framework uses that, float32 elsewhere."""

import functools
from pathlib import Path

from ..errors import OptionError
from .select import choose

PRECISIONS = ("auto", "float32", "bfloat16")


def resolve_precision(wanted: str) -> str:
    """Turn "auto" into "float32" or "bfloat16" for the chosen backend and this processor.

    On CPUs only TensorFlow gains (about 2x; JAX loses), so "auto" means bfloat16 there alone. Raises OptionError.
    """
    if wanted not in PRECISIONS:
        raise OptionError(f"No precision `{wanted}`. Choose one of {', '.join(PRECISIONS)}.")
    if wanted != "auto":
        return wanted
    return "bfloat16" if choose() == "tensorflow" and native_bfloat16() else "float32"


@functools.cache
def native_bfloat16() -> bool:
    """Say whether this processor has bfloat16 dot products (AVX-512 BF16 or AMX); False where it cannot be told."""
    try:
        flags = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags
