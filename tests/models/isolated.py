"""Load files in a process of its own, under limits and under watch, and tell what came of each.

The parent sends a line of JSON for each file and gets one back. A file that crashes or stops the process costs that process only.
"""

import ctypes
import json
import os
import select
import struct
import subprocess
import sys
import time
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SECONDS = 60.0
GIGABYTE = 2**30
MEMORY = 2 * GIGABYTE
LARGEST_FILE = GIGABYTE
LONGEST_SENTENCE = 1500
START_SECONDS = 180.0
NOISE = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": "-1", "PYTHONDONTWRITEBYTECODE": "1"}
# HDF5 asks for a buffer of 2**60 bytes that a broken size names, which no machine has: it is refused at once, nothing is taken.
IMPOSSIBLE = "on disk image buffer"
OUT_OF_MEMORY = (
    "MemoryError",
    "Unable to allocate",
    "ResourceExhausted",
    "OOM when",
    "bad_alloc",
    "RESOURCE_EXHAUSTED",
    "File too large",
    "memory allocation failed",
)
REACHING_OUT = (
    "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "os.putenv", "os.symlink", "os.link", "os.chmod",
    "subprocess.Popen", "socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.bind", "urllib.Request",
    "pickle.find_class", "webbrowser.open", "shutil.unpack_archive", "code.__new__", "function.__new__", "pty.spawn",
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What came of one file: "loaded", "refused" (ModelError), "error" (any other exception), "crash" or "hang"."""

    kind: str
    message: str = ""
    trace: str = ""
    seconds: float = 0.0
    memory: int = 0
    starved: bool = False
    events: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def faults(self) -> list[str]:
        """Return, in words, what no file may bring about; empty where it loaded or was refused well."""
        found = list(self.events)
        if self.kind not in ("loaded", "refused") or self.starved or self.memory > MEMORY:
            found.append(str(self))
        for text in (self.message, *self.notes) if self.kind in ("loaded", "refused") else ():
            found += [f"prints {unprintable(text)}"] if unprintable(text) else []
            found += [f"a sentence has {len(text)} characters: {text[:300]}"] if len(text) > LONGEST_SENTENCE else []
        return found

    def __str__(self) -> str:
        extra = "; out of memory" if self.starved else ""
        return f"{self.kind} in {self.seconds:.1f} s, {self.memory / 2**20:.0f} MB{extra}: {self.message[:1000]}\n{self.trace}"


class Worker:
    """A process that loads one file after another; started when first needed, and again after a crash."""

    def __init__(self, scratch: Path, importable: Path | None = None, seconds: float = SECONDS, niceness: int = 0):
        self.scratch, self.importable, self.seconds, self.niceness = scratch, importable, seconds, niceness
        self.process: subprocess.Popen[bytes] | None = None
        self.crashes = 0

    def load(self, path: Path, how: str = "convscope", **options: Any) -> Outcome:
        """Return the outcome of one file. `how`: "convscope" (with `options` for load), or "keras" (whatever the file asks for)."""
        if self.process is None:
            self._start()
        started = time.monotonic()
        answer = self._ask({"path": str(path), "how": how, "options": options}, self.seconds)
        if isinstance(answer, dict):
            return Outcome(**answer)
        self.close()
        return Outcome(answer, seconds=time.monotonic() - started, message="the process was ended", trace=self._last_words())

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()
        self.process = None

    def _start(self) -> None:
        environment = os.environ | NOISE | {"TMPDIR": str(self.scratch)}
        command = [sys.executable, "-X", "faulthandler", __file__, str(self.importable or "")]
        with (self.scratch.parent / "errors.txt").open("w") as errors:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment, start_new_session=True
            )
        if self.niceness:
            os.setpriority(os.PRIO_PROCESS, self.process.pid, self.niceness)
        os.set_blocking(self.process.stdout.fileno(), False)
        ready = self._read(START_SECONDS)
        assert ready == {"ready": True}, f"the worker did not start: {ready}\n{self._last_words()}"

    def _ask(self, request: dict[str, Any], seconds: float) -> Any:
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        return self._read(seconds)

    def _read(self, seconds: float) -> Any:
        """Return one JSON line, or "hang" or "crash"."""
        end, text = time.monotonic() + seconds, b""
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.process.stdout], [], [], left)[0]:
                continue
            part = os.read(self.process.stdout.fileno(), 1 << 16)
            if not part:
                return "crash"
            text += part
            if text.endswith(b"\n"):
                return json.loads(text)
        return "hang"

    def _last_words(self) -> str:
        lines = (self.scratch.parent / "errors.txt").read_text(errors="replace").splitlines()
        return "\n".join(lines[:25])


class Watch:
    """Sees every file that any process opens or makes in a folder, HDF5's C library included; Linux only, else sees nothing."""

    MODIFY, CREATE, OPEN, IS_FOLDER = 0x2, 0x100, 0x20, 0x40000000

    def __init__(self, *folders: Path):
        self.handle = -1
        if sys.platform.startswith("linux"):
            libc = ctypes.CDLL(None, use_errno=True)
            self.handle = libc.inotify_init1(os.O_NONBLOCK)
            for folder in folders:
                libc.inotify_add_watch(self.handle, os.fsencode(folder), self.OPEN | self.CREATE | self.MODIFY)

    def seen(self) -> list[str]:
        """Return the names of the files touched since the last call."""
        names, data = set(), b""
        try:
            while self.handle >= 0:
                data += os.read(self.handle, 1 << 16)
        except BlockingIOError:
            pass
        while data:
            _, mask, _, length = struct.unpack_from("iIII", data)
            if not mask & self.IS_FOLDER:
                names.add(data[16 : 16 + length].rstrip(b"\0").decode())
            data = data[16 + length :]
        return sorted(names)

    def close(self) -> None:
        if self.handle >= 0:
            os.close(self.handle)


class Recorder:
    """Notes what Python's audit hook sees while it is on: programs, sockets, unpickling, and files other than the one asked for."""

    def __init__(self, scratch: str):
        self.on, self.events, self.path = False, [], ""
        self.own = tuple({os.path.realpath(one) for one in (sys.prefix, sys.base_prefix, scratch, *sys.path[:-1]) if one})
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event == "open":
            self._opened(*arguments[:2])
        elif event == "marshal.loads":
            if not _called_by("importlib"):
                self.events.append(event)
        elif event in REACHING_OUT and not (event == "subprocess.Popen" and _reads_hdf5(arguments)):
            self.events.append(f"{event} {arguments!r}"[:300])

    def _opened(self, path: Any, mode: Any) -> None:
        if not isinstance(path, str | bytes):
            return
        found = os.path.realpath(os.fsdecode(path))
        allowed = found == self.path or found.startswith((*self.own, "/proc/", "/sys/", "/dev/null", "/dev/urandom", "/usr/lib"))
        if not allowed or (mode and set(str(mode)) & set("wax+") and not found.startswith((self.own[0], tempfolder(), "/proc/"))):
            self.events.append(f"open {found} {mode}")


def unprintable(text: str) -> list[str]:
    """Return the characters of a text that could steer a terminal or hide what follows."""
    return sorted({f"U+{ord(one):04X}" for one in text if one != "\n" and unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp")})


def tempfolder() -> str:
    return os.path.realpath(os.environ.get("TMPDIR", "/tmp"))


def _called_by(word: str) -> bool:
    frame = sys._getframe(3)
    return word in frame.f_code.co_filename


def _reads_hdf5(arguments: tuple[Any, ...]) -> bool:
    """Say whether a program is the one in which convscope reads HDF5: Python, without the user's paths, running that one file."""
    from convscope.models.saved import hdf5

    return list(arguments[1][:4]) == [sys.executable, "-I", "-S", str(hdf5.SURVEY)]


def _memory(field_name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field_name + ":"):
            return int(line.split()[1]) * 1024
    return 0


def _limit() -> None:
    import resource

    if sys.platform.startswith("linux"):
        most = _memory("VmData") + MEMORY + GIGABYTE  # what is reserved counts here, what is used is counted by the caller
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _state() -> dict[str, Any]:
    """Return what no file may change in this process."""
    from keras import config
    from keras.src.saving import object_registration, serialization_lib

    return {
        "environment": dict(os.environ),
        "safe mode": serialization_lib.in_safe_mode(),
        "floatx": config.floatx(),
        "data format": config.image_data_format(),
        "dtype policy": config.dtype_policy().name,
        "custom objects": sorted(object_registration.get_custom_objects()),
        "folder": str(Path.cwd()),
        "search path": list(sys.path),
        "recursion limit": sys.getrecursionlimit(),
    }


def _starved(error: BaseException | None) -> bool:
    """Say whether a refusal came only from memory that was asked for and not there."""
    while error is not None:
        text = f"{type(error).__name__} {error}"
        if any(word in text for word in OUT_OF_MEMORY) and IMPOSSIBLE not in text:
            return True
        error = error.__cause__ or error.__context__
    return False


def _load(path: str, how: str, options: dict[str, Any]) -> list[str]:
    if how == "keras":
        from keras import saving

        saving.load_model(path, compile=False, safe_mode=False)
        return []
    import convscope

    return list(convscope.load(path, **options).notes)


def _try(recorder: Recorder, path: str, how: str, options: dict[str, Any]) -> dict[str, Any]:
    import traceback

    from convscope.errors import ModelError

    answer: dict[str, Any] = {"kind": "loaded"}
    before, peak = _state(), Path("/proc/self/clear_refs")
    if peak.exists():
        peak.write_text("5")
    resident, started = _memory("VmRSS"), time.monotonic()
    recorder.events, recorder.path, recorder.on = [], os.path.realpath(path), True
    try:
        answer["notes"] = _load(path, how, options)
    except ModelError as error:
        answer |= {"kind": "refused", "message": str(error), "starved": _starved(error)}
    except BaseException as error:
        answer |= {"kind": "error", "message": f"{type(error).__name__}: {error}"[:2000], "starved": _starved(error)}
        answer["trace"] = "".join(traceback.format_exception(error)[-12:])[-4000:]
    recorder.on = False
    answer["seconds"] = time.monotonic() - started
    answer["memory"] = max(_memory("VmHWM") - resident, 0)
    changed = [name for name, value in _state().items() if value != before[name]]
    answer["events"] = recorder.events + [f"changed: {name}" for name in changed]
    return answer


def tried(recorder: Recorder, path: Path) -> Outcome:
    """Return the outcome of one file in this process, which the caller limits."""
    return Outcome(**_try(recorder, str(path), "convscope", {}))


def main() -> None:
    """Answer requests from the standard input; what the loader prints goes elsewhere."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    if sys.argv[1]:
        sys.path.append(sys.argv[1])
    import logging
    import warnings

    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    import convscope
    from convscope.backend import keras

    convscope.load(keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3), keras.layers.Flatten(), keras.layers.Dense(2)]))
    import h5py  # noqa: F401, so that it is not counted as a file's doing

    recorder = Recorder(tempfolder())
    _limit()
    answers.write(b'{"ready": true}\n')
    for line in sys.stdin:
        request = json.loads(line)
        answers.write(json.dumps(_try(recorder, request["path"], request["how"], request["options"])).encode() + b"\n")


if __name__ == "__main__":
    main()
