"""One schema number for each format, and the sentence for a larger one."""

import re
from pathlib import Path

import pytest

from convscope import formats
from convscope.errors import OptionError
from convscope.formats.schemas import check_schema, release_of

pytestmark = pytest.mark.once
ROOM = Path(formats.__file__).parent
FORMATS = tuple(
    "atlas imagemap journal_files layer_list lesion_file map_reference names_file picture run_folder tar_index trust_file".split()
)


def test_each_format_has_one_schema_number_and_no_other_room_has_any():
    found = {
        path.relative_to(ROOM.parent).as_posix(): len(lines)
        for path in ROOM.parent.rglob("*.py")
        if (lines := re.findall(r"^\w*SCHEMA\w*(?:: \w+)? = ", path.read_text("utf-8"), re.MULTILINE))
    }
    assert found == {f"formats/{name}.py": 1 for name in FORMATS}


def test_its_own_schema_and_smaller_ones_are_read():
    assert check_schema(Path("a"), 2, 2, OptionError) is None and check_schema(Path("a"), 1, 2, OptionError) is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"versions": {"convscope": "1.2.0rc1"}}, "Install convscope 1.2.0rc1 or newer to read it."),
        ({"versions": {"convscope": "1.2; rm -r"}}, "Install a newer release to read it."),
        ({"versions": {"convscope": 3}}, "Install a newer release to read it."),
        ({"versions": []}, "Install a newer release to read it."),
        ([], "Install a newer release to read it."),
    ],
)
def test_a_larger_one_names_the_release_that_reads_it(content, said):
    with pytest.raises(OptionError) as raised:
        check_schema(Path("a.bin"), 3, 2, OptionError, release=release_of(content))
    assert str(raised.value) == f"`a.bin` was written by a newer convscope (schema 3). This one reads up to schema 2. {said}"
