"""Scripts as pages send them: short ones, which `tools/make_scripts.py` makes from the commented sources beside them."""

from dataclasses import dataclass
from importlib.resources import files

from ...digests import digest

STRICT = '"use strict";\n'
DIGITS = 12


@dataclass(frozen=True)
class Script:
    """A script of a page: one text made from several sources, each of which knows those before it.

    `folder`: where they lie in convscope. `name`: the script is kept there as `NAME.min.js`.
    """

    folder: str
    name: str
    sources: tuple[str, ...]

    @property
    def sent(self) -> bytes:
        """Return the script as a page sends it."""
        return self._file(f"{self.name}.min.js").encode("utf-8")

    @property
    def joined(self) -> str:
        """Return the sources as one script, of which only what it puts on `window` can be reached from outside."""
        parts = [self._file(f"{source}.js").replace(STRICT, "", 1) for source in self.sources]
        return f"(() => {{\n{STRICT}{''.join(parts)}}})();\n"

    @property
    def header(self) -> str:
        """Return the first line of the script: what it was made from, by which one sees that it must be made again."""
        made = digest(self.joined.encode("utf-8"))[:DIGITS]
        return f"/* A page of convscope, Apache-2.0. tools/make_scripts.py made it from convscope/{self.folder}, {made}. */\n"

    def _file(self, name: str) -> str:
        return files("convscope").joinpath(self.folder, name).read_text("utf-8")
