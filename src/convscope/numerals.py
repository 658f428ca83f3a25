"""Numbers in text from outside: the digits 0 to 9, and nothing else that Python takes for a number.

Python's own `int` and `float` also read 1_000, the digits of every script, nan and infinity, and stop with an error of their own at 4,300
digits; each would be a number that nobody meant, or a traceback.
"""

import math
import re

# 18 digits fit into 64 bits.
MOST_DIGITS = 18
LONGEST = 400
REAL = r"(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?"
_NATURAL = re.compile(rf"[0-9]{{1,{MOST_DIGITS}}}")
_REAL = re.compile(rf"[+-]?{REAL}")


def natural(text: str) -> int:
    """Return the whole number from 0 on that a text says. Raises ValueError that says what was expected."""
    if not _NATURAL.fullmatch(text := text.strip()):
        raise ValueError(f"`{text}` is not a whole number of at most {MOST_DIGITS} digits, 0 to 9")
    return int(text)


def whole(text: str) -> int:
    """As `natural`, with a minus before it or without."""
    text = text.strip()
    return -natural(text[1:]) if text.startswith("-") and text[1:2].isdigit() else natural(text)


def real(text: str) -> float:
    """Return the finite number that a text says, such as 3, -0.5 or 1e-3. Raises ValueError that says what was expected."""
    if len(text := text.strip()) > LONGEST or not _REAL.fullmatch(text):
        raise ValueError(f"`{text}` is not a number such as 3, -0.5 or 1e-3")
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"`{text}` is larger than every number that a computer counts with")
    return value
