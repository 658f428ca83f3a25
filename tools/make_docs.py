"""Write the pages that are made from the program itself: docs/commands.md from `--help`, docs/library.md from docstrings.

Run with --check to see whether they are up to date (exit code 1 if not); white space does not count.
"""

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

import convscope
from convscope import ascent
from convscope.cli.app import Program, program

DOCS = Path(__file__).parent.parent / "docs"
MADE = "<!-- Made by tools/make_docs.py; do not edit. -->\n"


def commands_page() -> str:
    """Return the page of all commands: their help as the terminal shows it."""
    root = click.Context(program, info_name="convscope", terminal_width=100)
    parts = [MADE, "# Commands\n", _block("convscope", program.get_help(root))]
    assert isinstance(program, Program)
    for name in program.list_commands(root):
        command = program.get_command(root, name)
        assert command is not None
        context = click.Context(command, info_name=name, parent=root, terminal_width=100)
        parts.append(_block(f"convscope {name}", command.get_help(context)))
    return "\n".join(parts)


def _signature(function: Callable[..., object]) -> inspect.Signature:
    """Return the signature of a function with plain types: the forms of options are told by the commands."""
    signature = inspect.signature(function)
    plain = [
        one.replace(annotation=getattr(one.annotation, "__origin__", one.annotation)) if hasattr(one.annotation, "__metadata__") else one
        for one in signature.parameters.values()
    ]
    return signature.replace(parameters=plain)


def library_page() -> str:
    """Return the page of all promised names: signatures and docstrings."""
    parts = [MADE, "# Library\n", inspect.cleandoc(convscope.__doc__ or ""), ""]
    for name in convscope.__all__:
        item = getattr(convscope, name)
        signature = f"{name}{_signature(item)}" if inspect.isfunction(item) else f"class {name}"
        parts.append(f"## {name}\n\n```python\n{signature}\n```\n\n{inspect.getdoc(item)}\n")
    parts.extend(_lower_storey())
    return "\n".join(parts)


def _lower_storey() -> Iterator[str]:
    """Yield the part on `convscope.ascent`: its functions, and its classes with their public methods."""
    yield f"## convscope.ascent\n\n{inspect.getdoc(ascent)}\n"
    for name in ascent.__all__:
        item = getattr(ascent, name)
        if name in convscope.__all__ or not (inspect.isfunction(item) or inspect.isclass(item)):
            continue
        kind = "class " if inspect.isclass(item) else ""
        signature = "" if getattr(item, "_is_protocol", False) else _names_of(item)
        yield f"### ascent.{name}\n\n```python\n{kind}{name}{signature}\n```\n\n{inspect.getdoc(item)}\n"
        fields = getattr(item, "__dataclass_fields__", {})
        for method in (one for one in vars(item) if kind and not one.startswith("_") and one not in fields):
            if callable(getattr(item, method)):
                yield f"`.{method}{_names_of(getattr(item, method))}`: {inspect.getdoc(getattr(item, method))}\n"


def _names_of(item: Any) -> str:
    """Return the parameters of a function or class with their defaults; a function as a default by its name, not by its place in memory."""
    signature = inspect.signature(item)
    bare = [one.replace(annotation=inspect.Parameter.empty) for one in signature.parameters.values() if one.name != "self"]
    text = str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty))
    return re.sub(r"<function (\w+) at 0x\w+>", r"\1", text)


def _block(heading: str, text: str) -> str:
    return f"## {heading}\n\n```text\n{text.rstrip()}\n```\n"


def main() -> int:
    """Write the pages, or with --check say which are stale."""
    pages = {"commands.md": commands_page(), "library.md": library_page()}
    stale = []
    for name, text in pages.items():
        path = DOCS / name
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8").split() != text.split():
            stale.append(name)
    if stale:
        print(f"Stale: {', '.join(stale)}. Make them again with: make docs")
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
