"""Completion in bash: as click's own, except for words with a colon, which bash divides."""

import os
from typing import ClassVar

from click.shell_completion import BashComplete, CompletionItem, add_completion_class, split_arg_string

SOURCE = """\
%(complete_func)s() {
    local IFS=$'\\n' kind value response
    response=$(env COMP_WORDS="${COMP_LINE:0:COMP_POINT}" COMP_BREAKS="$COMP_WORDBREAKS" %(complete_var)s=bash_complete $1)
    COMPREPLY=()
    for completion in $response; do
        IFS=',' read kind value <<< "$completion"
        if [[ $kind == 'plain' ]]; then
            COMPREPLY+=($value)
            [[ $value == *: ]] && compopt -o nospace
        else
            COMPREPLY+=($(compgen -f -- "$value"))
            compopt -o filenames
        fi
    done
    return 0
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class BashWords(BashComplete):
    """Divides the line itself, and leaves out of each word what bash takes for words before it."""

    source_template: ClassVar[str] = SOURCE
    before = ""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the one that was begun, and that one."""
        line = os.environ["COMP_WORDS"]
        words = split_arg_string(line)[1:]
        begun = words.pop() if words and not line.endswith((" ", "\t")) else ""
        self.before = begun[: begun.rfind(":") + 1] if ":" in os.environ.get("COMP_BREAKS", ":") else ""
        return words, begun

    def format_completion(self, item: CompletionItem) -> str:
        """Return a line for the script: the kind and the value."""
        return f"{item.type},{item.value.removeprefix(self.before)}"


def answer_bash() -> None:
    """Let the program answer bash in this way."""
    add_completion_class(BashWords)
