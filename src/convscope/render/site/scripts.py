"""Scripts and styles as pages send them: short ones, which `tools/make_scripts.py` makes from the commented sources beside them."""

from dataclasses import dataclass
from importlib.resources import files

from ...digests import digest

STRICT = '"use strict";\n'
DIGITS = 12


@dataclass(frozen=True)
class Script:
    """A script or style of a page: one text made from several sources, each of which knows those before it.

    `folder`: where they lie in convscope; a source of another folder is named with that, such as `atlases/viewer/wall`. `name`: what
    is sent is kept in the folder as `NAME.min.js`. `kind`: js or css.
    """

    folder: str
    name: str
    sources: tuple[str, ...]
    kind: str = "js"

    @property
    def path(self) -> str:
        """Return the name of what is sent, in the folder."""
        return f"{self.name}.min.{self.kind}"

    @property
    def sent(self) -> bytes:
        """Return it as a page sends it."""
        return self._file(self.path).encode("utf-8")

    @property
    def joined(self) -> str:
        """Return the sources as one text; of a script only what it puts on `window` can be reached from outside."""
        text = "".join(self._file(f"{source}.{self.kind}").replace(STRICT, "", 1) for source in self.sources)
        return f"(() => {{\n{STRICT}{text}}})();\n" if self.kind == "js" else text

    @property
    def header(self) -> str:
        """Return the first line: what it was made from, by which one sees that it must be made again."""
        made = digest(self.joined.encode("utf-8"))[:DIGITS]
        return f"/* A page of convscope, Apache-2.0. tools/make_scripts.py made it from convscope/{self.folder}, {made}. */\n"

    def _file(self, name: str) -> str:
        return files("convscope").joinpath(name if "/" in name else f"{self.folder}/{name}").read_text("utf-8")
