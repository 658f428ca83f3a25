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
from convscope import ascent, results
from convscope.cli.app import CONTEXT, Program, program

LONGEST = 100  # of a signature in one line
RECORDS = (
    *(
        "Activations",
        "Projections",
        "Saliency",
        "Ascent",
        "TopPatches",
        "Dossier",
        "Patches",
        "Connections",
        "Trust",
        "UnitTrust",
        "Figure",
    ),
    *("Windows", "Embedding"),
)
DOCS = Path(__file__).parent.parent / "docs"
MADE = "<!-- Made by tools/make_docs.py; do not edit. -->\n"


def commands_page() -> str:
    """Return the page of all commands: their help as the terminal shows it."""
    names: dict[str, Any] = {"help_option_names": CONTEXT["help_option_names"]}
    root = click.Context(program, info_name="convscope", terminal_width=100, **names)
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
        signature = _in_lines(f"{name}{_signature(item)}") if inspect.isfunction(item) else f"class {name}"
        parts.append(f"## {name}\n\n```python\n{signature}\n```\n\n{inspect.getdoc(item)}\n")
        if item is convscope.Run:
            parts.extend(_methods(item))
    parts.extend(_records())
    parts.extend(_lower_storey())
    return "\n".join(parts)


def _in_lines(signature: str) -> str:
    """Return a signature with types by their last names, and where it is long a parameter in each line."""
    plain = re.sub(r"\b(?:[a-z_]\w*\.)+(?=[A-Z])", "", signature)
    if len(plain) <= LONGEST:
        return plain
    inside, depth = [""], 0
    start, end = plain.index("("), plain.rindex(")", 0, plain.index(" -> ") if " -> " in plain else None)
    for letter in plain[start + 1 : end]:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            inside.append("")
        else:
            inside[-1] += letter
    lines = "".join(f"    {one.strip()},\n" for one in inside)
    return f"{plain[: start + 1]}\n{lines}{plain[end:]}"


def _methods(kind: type) -> Iterator[str]:
    """Yield the public methods of a class of its own, in their order."""
    inherited = {
        name: member for base in kind.__bases__ if base.__module__.startswith("convscope.scanning") for name, member in vars(base).items()
    }
    for name, member in {**vars(kind), **inherited}.items():
        if inspect.isfunction(member) and not name.startswith("_"):
            yield f"`.{name}{_names_of(member)}`: {inspect.getdoc(member)}\n"


def _records() -> Iterator[str]:
    """Yield the part on what the methods return."""
    yield f"## Results\n\n{inspect.getdoc(results.Result)}\n"
    yield "In a notebook a result shows itself, as does a list of results.\n"
    yield from _methods(results.Result)
    yield "`.to_table()`, `.to_frame()`: the numbers as a pyarrow.Table, and as a pandas.DataFrame where pandas is installed.\n"
    for name in RECORDS:
        yield f"### results.{name}\n\n{inspect.getdoc(getattr(results, name))}\n"
    yield from _methods(results.Embedding)


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
