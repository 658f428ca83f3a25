"""What a page takes away: the command that makes what it shows, the picture that this command writes, a line of a script."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..catalogue import METHODS
from ..errors import OptionError, OutputError, check_choice
from ..files import unwritten, write_files
from ..method import Written
from ..requests import Finished, Note, Request
from .answers import WAYS
from .sight import Sight
from .turns import Turns

HEAD = "# Views of the live page of convscope. Draw them again: convscope replay FILE\n"
# What a page shows of a unit, and the method that draws it.
SHOWN = {"map": "activations", "projection": "deconv", "synthetic": "ascend", "top": "top"}


@dataclass(frozen=True)
class View:
    """What a page shows: a `kind` among SHOWN of the unit at an `address`, on an `image`, by a `way` of projecting."""

    kind: str
    address: str
    image: str
    way: str


@dataclass(frozen=True)
class Keeper:
    """Writes below `folder`. `model` and `told`: how the command line named the network; `run`: the folder of the scan, "" for none.

    `script`: where commands are collected, in the form that the prompt and `convscope replay` read.
    """

    sight: Sight
    folder: Path
    model: str | None
    told: Mapping[str, Any]
    run: str = ""
    script: Path = Path("look.convscope")

    def command(self, view: View) -> str:
        """Return the command that draws a view. Raises OptionError, UnitError, ImageError."""
        return self._line(self._request(view)[0])

    def save(self, view: View) -> Iterator[dict[str, Any]]:
        """Draw a view as its command does, and yield the steps of what takes long, and at last what was written. Raises OutputError."""
        request, files = self._request(view)
        request.check_target(None, self.folder)
        write_files(files)
        found: dict[str, Any] = {"done": True, "paths": [], "notes": [], "command": self._line(request)}

        def write(watch: Any) -> None:
            for event in request.on(self.sight.network.bundle).write(None, folder=self.folder, watch=watch):
                if isinstance(event, Written):
                    found["paths"] += [str(path) for path in event.paths if path.suffix != ".json"]
                elif isinstance(event, Note):
                    found["notes"].append(event.text)
                elif isinstance(event, Finished):
                    found["notes"] += event.sentences()

        for stage in Turns(write):
            yield {"step": stage.step, "steps": stage.steps}
        yield found

    def add(self, view: View) -> dict[str, Any]:
        """Add the command of a view to the script, and return its path and the line. Raises OutputError."""
        request, files = self._request(view)
        line, path = self._line(request), self.script
        try:
            before = path.read_text("utf-8") if path.is_file() else HEAD
        except (OSError, ValueError) as error:
            raise OutputError(unwritten(path, error)) from error
        write_files(files | {path: f"{before}{line}\n".encode("utf-8", "surrogateescape")})
        return {"path": str(path), "line": line}

    def _line(self, request: Request) -> str:
        return request.command_line(model=self.model, told=self.told)

    def _request(self, view: View) -> tuple[Request, dict[Path, bytes]]:
        """Return the request that draws a view, and files that it reads, which are written first."""
        check_choice("picture", view.kind, tuple(SHOWN))
        check_choice("way", view.way, tuple(WAYS))
        layer, unit = self.sight.unit(view.address)
        method = METHODS.get(SHOWN[view.kind])
        if view.kind == "synthetic":
            return Request(method, ([f"{unit.layer}:{unit.channel}"],)), {}
        if view.kind == "top":
            if not self.run:
                raise OptionError("This page has no run. Start it with the folder of a scan: convscope look MODEL -r RUN")
            return Request(method, ([f"{unit.layer}:{unit.channel}"],), {"run": self.run}), {}
        word, files = self.sight.gallery.words(view.image, self.folder)
        if view.kind == "map":
            return Request(method, (layer.address, [word])), files
        return Request(method, ([str(unit)], [word]), WAYS[view.way][1]), files
