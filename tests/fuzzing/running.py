"""Run the cases of an area in a process of its own, under limits on time and memory.

An area is a module beside this one. `attempt(number, folder)` makes the case of that number in an empty folder, hands it to convscope as a
user would, and returns a word for what came of it. A ConvscopeError is a refusal; any other exception is a fault. `SHORT` cases run in CI.
"""

import importlib
import multiprocessing
import os
import sys
import tempfile
import traceback
import unicodedata
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

SECONDS = 300.0  # a command line may make a whole small atlas: a minute, on a machine that does nothing else
GIGABYTE = 2**30
MEMORY = 2 * GIGABYTE
START_SECONDS = 300.0
LONGEST_SENTENCE = 1500
FAULTS = ("error", "crash", "hang")


@dataclass(frozen=True)
class Outcome:
    """What came of case `number`: the area's own word or "refused"; "error", "crash" and "hang" are faults, which `text` describes."""

    number: int
    word: str
    text: str = ""

    @property
    def is_fault(self) -> bool:
        """Say whether no input may bring this about."""
        return self.word in FAULTS


def areas() -> list[str]:
    """Return the names of all areas."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem != Path(__file__).stem)


def area(name: str) -> ModuleType:
    """Return the module of an area."""
    return importlib.import_module(f"fuzzing.{name}")


class Runner:
    """A process that runs one case after another; started when first needed, and again after a crash or a hang."""

    def __init__(self, seconds: float = SECONDS, memory: int = MEMORY) -> None:
        self.seconds, self.memory = seconds, memory
        self._process: Any = None

    def outcomes(self, name: str, numbers: range) -> Iterator[Outcome]:
        """Yield the outcome of each case of an area."""
        for number in numbers:
            yield self._outcome(name, number)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._pipe.close()
        self._process = None

    def _outcome(self, name: str, number: int) -> Outcome:
        if self._process is None:
            self._start()
        try:
            self._pipe.send((name, number))
            if self._pipe.poll(self.seconds):
                return Outcome(number, *self._pipe.recv())
            word, text = "hang", f"no answer within {self.seconds:g} s"
        except (EOFError, OSError):
            self._process.join()
            word, text = "crash", f"the process ended with {self._process.exitcode}"
        self.close()
        return Outcome(number, word, text)

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self.memory), daemon=True)
        self._process.start()
        theirs.close()
        if not self._pipe.poll(START_SECONDS) or self._pipe.recv() != "ready":
            raise RuntimeError("the process that runs the cases did not start")


def _serve(pipe: Any, memory: int) -> None:
    from convscope.backend import keras  # noqa: F401, so that no case is charged for the import

    warnings.simplefilter("ignore")
    _limit(memory)
    pipe.send("ready")
    while True:
        try:
            name, number = pipe.recv()
        except EOFError:
            return
        pipe.send(_judged(area(name), number))
        if jax := sys.modules.get("jax"):
            jax.clear_caches()  # what it compiled for one case is of no use to another


def _judged(module: ModuleType, number: int) -> tuple[str, str]:
    from convscope.errors import ConvscopeError

    with tempfile.TemporaryDirectory() as folder:
        try:
            return str(module.attempt(number, Path(folder))), ""
        except ConvscopeError as error:
            fault = unsound(str(error))
            return ("error", fault) if fault else ("refused", str(error))
        except BaseException as error:
            return "error", "".join(traceback.format_exception(error))[-4000:]


def unsound(sentence: str) -> str:
    """Return what is wrong with the text of an error, "" if nothing is."""
    steering = {f"U+{ord(one):04X}" for one in sentence if one != "\n" and unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    if steering:
        return f"prints {', '.join(sorted(steering))}: {sentence!r}"
    if len(sentence) > LONGEST_SENTENCE or not sentence.strip():
        return f"a sentence of {len(sentence)} characters: {sentence[:300]!r}"
    return ""


def _limit(memory: int) -> None:
    if not sys.platform.startswith("linux"):
        return
    import resource

    data = next(int(line.split()[1]) * 1024 for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData:"))
    most = data + memory + GIGABYTE  # what a process reserves counts here, and frameworks reserve more than they use
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
