"""What nobody raised on purpose, as one sentence: what the machine refused, and faults of convscope's own."""

import errno
import os
import platform
import traceback
from pathlib import Path

from .. import __version__
from ..errors import ConvscopeError
from ..files import REASONS
from ..legible import first_line
from . import terminal

DEBUG = "CONVSCOPE_DEBUG"
BAD_INPUT, FAULT = 2, 70
MEMORY = "Memory ran out. Use fewer images or units, or smaller images."
DEEP = "The input is nested too deeply. Use a simpler one, or report it with the input."
OUTPUT = (errno.EBADF, errno.EPIPE)


def is_debugged() -> bool:
    """Say whether the user wants to see tracebacks."""
    return bool(os.environ.get(DEBUG))


def told(error: Exception) -> tuple[str, int]:
    """Return the sentence for an exception that reached the end of the program, and the exit code."""
    if isinstance(error, ConvscopeError):  # from what comes after the command, such as the last words to standard output
        return str(error), BAD_INPUT
    if isinstance(error, MemoryError) or _ran_out(error):
        return MEMORY, BAD_INPUT
    if isinstance(error, RecursionError):
        return DEEP, BAD_INPUT
    if isinstance(error, OSError):
        return _of_system(error), BAD_INPUT
    if isinstance(error, UnicodeEncodeError):
        return f"`{error.object}` holds characters that {error.encoding} cannot write. Use another name.", BAD_INPUT
    return _fault(error), FAULT


def _ran_out(error: Exception) -> bool:
    from ..backend.failures import ran_out  # where memory has run out, nothing more can be imported

    return ran_out(error)


def _of_system(error: OSError) -> str:
    """Return the sentence for what the operating system refused."""
    if error.filename is None and (error.errno in OUTPUT or _from_click(error)):
        return terminal.unwritten(error)
    if error.filename is None:
        reason = REASONS.get(error.errno or 0, f"{first_line(error)}. Expected a system with room for it. Try again")
        return f"The system refused something: {reason}."
    path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else Path(str(error.filename))
    if error.errno in REASONS:
        return f"Cannot use `{path}`: {REASONS[error.errno]}."
    return f"Cannot use `{path}`: {first_line(error)}. Expected a readable and writable file or folder."


def _from_click(error: OSError) -> bool:
    """Say whether click was writing, which it does to standard output: the help and the version."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and Path(frames[-1].filename).parent.name == "click"


def _fault(error: Exception) -> str:
    here = Path(__file__).parents[1]
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if here in Path(frame.filename).parents]
    place = f"{Path(own[-1].filename).relative_to(here)}:{own[-1].lineno}" if own else "unknown"
    return (
        f"This is a fault of convscope, not of your input: {type(error).__name__}: {first_line(error)} (at {place}, "
        f"convscope {__version__}, Python {platform.python_version()}). Report this sentence with the command. {DEBUG}=1 shows a traceback."
    )
