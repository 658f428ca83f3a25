"""Scripts as they are sent: the commented sources joined, without comments, indentation and most spaces."""

import re
from collections.abc import Iterable

SHORTER = (  # no space around signs, no parentheses around one parameter, no lone zero at a point
    (r" ?([{}()\[\],;=<>?:&|*%]) ?|(?<![+-]) ([+/-]) (?![+-])", r"\1\2"),
    (r"(?<=[)\]\w]) ?([+/-]) ?(?=[\w(])", r"\1"),
    (r"(?<!\w)\((\w+)\)=>", r"\1=>"),
    (r"\b0(\.\d)", r"\1"),
    (r"(\d\.)0\b", r"\1"),
)
LITERAL = re.compile(r'("[^"]*"|`[^`\n]*`|/\[[^\]]*\]/)')  # a string or pattern: its spaces stay


def script(name: str, sources: Iterable[str]) -> bytes:
    """Return one script made from several, each of which knows those before it; `name`: the folder of convscope with the sources."""
    header = f'/* A page of convscope, Apache-2.0; the commented sources are in convscope/{name}. */\n"use strict";\n'
    return (header + "".join(shortened(source) for source in sources)).encode("utf-8")


def shortened(source: str) -> str:
    """Return a script of the style of these sources, shorter: double quotes, one statement after another, every line ended."""
    source = re.sub(r"^ */\*.*?\*/\n", "", source, flags=re.MULTILINE | re.DOTALL)
    source = re.sub(r"(^ *| +)// .*$", "", source, flags=re.MULTILINE)
    lines = (line.strip() for line in source.replace('"use strict";\n', "").splitlines())
    squeezed = "".join("".join(_squeezed(part) for part in LITERAL.split(line)) + "\n" for line in lines if line)
    parts = re.sub(r"([{;,(\[])\n", r"\1", squeezed).split("`")
    parts[::2] = [part.replace(";}", "}") for part in parts[::2]]  # the shaders, between the others, need it
    return "`".join(parts)


def _squeezed(part: str) -> str:
    if LITERAL.fullmatch(part):
        return part
    for pattern, left in SHORTER:
        part = re.sub(pattern, left, part)
    return part
