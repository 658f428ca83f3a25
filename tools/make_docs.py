"""Write the pages that are made from the program itself: docs/commands.md from `--help`, docs/library.md from docstrings.

Run with --check to see whether they are up to date (exit code 1 if not); white space does not count.
"""

import inspect
import sys
from pathlib import Path

import click

import convscope
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


def library_page() -> str:
    """Return the page of all promised names: signatures and docstrings."""
    parts = [MADE, "# Library\n", inspect.cleandoc(convscope.__doc__ or ""), ""]
    for name in convscope.__all__:
        item = getattr(convscope, name)
        signature = f"{name}{inspect.signature(item)}" if inspect.isfunction(item) else f"class {name}"
        parts.append(f"## {name}\n\n```python\n{signature}\n```\n\n{inspect.getdoc(item)}\n")
    return "\n".join(parts)


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
