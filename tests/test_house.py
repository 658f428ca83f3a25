"""The laws of the house that no linter knows: the size of files and bodies, the doors of heavy packages, no module named as text."""

import ast
import re
import runpy
from pathlib import Path

import pytest

from convscope import catalogue

pytestmark = pytest.mark.once

TESTS = Path(__file__).parent
ROOT = TESTS.parent
SOURCE = Path(catalogue.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
LONGEST_FILE = 400
LONGEST_BODY = 40
TABLES = {"operators.py:operators", "graph_operators.py:nodes"}  # tables written as code
# Modules of so many lines and more have tests at their own path, but for those that are tested with their neighbours.
WORTH_TESTS = 200
TESTED_ELSEWHERE = {
    "cli/commands.py": "cli/test_program.py",
    "files.py": "render/test_writer.py",
    "formats/journal_files.py": "scanning/test_completion.py",
    "models/saved/entries.py": "models/test_hostile.py",
    "models/saved/operators.py": "models/test_old_files.py",
    "models/saved/repair.py": "models/test_old_files.py",
    "models/saved/survey.py": "models/saved/test_hdf5.py",
    "models/saved/weights.py": "models/test_old_files.py",
    "render/layout.py": "render/test_drawings.py",
    "results/looks.py": "methods/test_deconv.py",
    "results/scans.py": "scanning/test_run.py",
    "scanning/journal.py": "scanning/test_completion.py",
    "tables.py": "images/test_lists.py",
}
# Which files may import a package that is heavy, or that reads what comes from outside.
DOORS = {
    "matplotlib": {"render/figures.py", "render/pdf.py"},
    "tensorflow": {"backend/tensorflow_engine.py"},
    "jax": {"backend/jax_engine.py"},
    "torch": {"backend/torch_engine.py"},
    "h5py": {"models/saved/survey.py"},
    "pyarrow": {"store.py", "tables.py"},
    "sklearn": {"embedding/packages.py"},
    "openTSNE": {"embedding/packages.py"},
    "ray": {"engines/ray.py"},
    "starlette": {"look/server.py"},
    "uvicorn": {"look/server.py"},
    "keras": {
        "backend/lazy.py",
        "backend/jax_engine.py",
        "backend/tensorflow_engine.py",
        "backend/torch_engine.py",
    },
}


# Keras' own names for its call history, which change without notice: only models/tracing.py knows them.
HISTORY = re.compile(r"_keras_history|_nodes_by_depth|_flatten_layers|\._functional\b|\._inbound_nodes")


def name_of(path):
    return path.relative_to(SOURCE).as_posix()


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def body_length(function):
    """Lines from the first statement after the docstring to the last, without functions of its own."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    inner = sum(one.end_lineno - one.lineno + 1 for one in ast.walk(function) if isinstance(one, ast.FunctionDef) and one is not function)
    return body[-1].end_lineno - body[0].lineno + 1 - inner if body else 0


def imported(tree):
    """Top-level packages that a file imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").partition(".")[0]


def is_module(text):
    place = SOURCE.parent.joinpath(*text.split("."))
    return place.is_dir() or place.with_suffix(".py").is_file()


def test_no_file_is_longer_than_a_reader_can_hold():
    long = {name_of(path): count for path in FILES if (count := len(path.read_text("utf-8").splitlines())) > LONGEST_FILE}
    assert long == {}


def test_no_body_is_longer_than_a_screen():
    long = {
        f"{path.name}:{function.name}": length
        for path in FILES
        for function in functions(ast.parse(path.read_text("utf-8")))
        if (length := body_length(function)) > LONGEST_BODY
    }
    assert set(long) == TABLES, long


def test_heavy_packages_have_one_door():
    wrong = [
        f"{name_of(path)} imports {package}"
        for path in FILES
        for package in set(imported(ast.parse(path.read_text("utf-8"))))
        if package in DOORS and name_of(path) not in DOORS[package]
    ]
    assert wrong == []


def test_keras_call_history_has_one_door():
    assert [name_of(path) for path in FILES if HISTORY.search(path.read_text("utf-8"))] == ["models/tracing.py"]


def test_one_hash_stands_for_bytes():
    assert [name_of(path) for path in FILES if "blake2" in path.read_text("utf-8")] == ["digests.py"]


def test_only_the_catalogue_and_the_facade_name_modules_as_text():
    found = {name_of(path) for path in FILES if any(map(is_module, re.findall(r"[\"'](convscope(?:\.\w+)+)", path.read_text("utf-8"))))}
    assert found == {"__init__.py", "catalogue.py"}


def test_modules_are_imported_by_their_names_as_text_at_few_doors():
    """Such an import is in no contract: each door names here what it imports."""
    assert {name_of(path) for path in FILES if re.search(r"import_module\(|__import__\(", path.read_text("utf-8"))} == {
        "__init__.py",  # the facade: what it promises
        "backend/lazy.py",  # Keras and the engine beside it, at their first use
        "images/tars.py",  # what packs a tar
        "models/custom.py",  # the user's own module
        "notebook.py",  # IPython, where it runs
        "registry.py",  # what the catalogue and entry points name
    }


def test_what_the_catalogue_names_is_there_and_below_it():
    """The import contract with the catalogue's text counted as imports: nothing it names may know the catalogue."""
    for registry in (catalogue.METHODS, catalogue.DRAWINGS):
        for name, reference in registry.builtin.items():
            assert registry.get(name) is not None
            path = SOURCE.parent.joinpath(*reference.partition(":")[0].split("."))
            room = path.with_suffix(".py") if path.with_suffix(".py").is_file() else path / "__init__.py"
            assert "catalogue" not in room.read_text("utf-8"), reference


def test_every_command_has_one_short_sentence():
    for name, command in catalogue.COMMANDS.items():
        assert len(command.summary) <= 65, name
        assert re.fullmatch(r"[A-Z][^.]*(\b\w+\.\w+\b[^.]*)*\.", command.summary), name


def test_tests_mirror_the_tree():
    """A module has its tests at its own path. The table may only become shorter: an entry that is not needed is a fault too."""
    without = {
        name_of(path)
        for path in FILES
        if len(path.read_text("utf-8").splitlines()) >= WORTH_TESTS and not own_tests(path).is_file() and not path.name.startswith("__")
    }
    assert without == set(TESTED_ELSEWHERE)
    assert [name for name in TESTED_ELSEWHERE.values() if not (TESTS / name).is_file()] == []


def own_tests(path):
    place = path.relative_to(SOURCE)
    return TESTS / place.parent / f"test_{place.name}"


def test_each_identity_has_the_tests_that_the_table_names():
    rows = re.findall(r"^\| (T\d+) \|.*\| (.+) \|$", (ROOT / "docs" / "architecture.md").read_text("utf-8"), re.MULTILINE)
    assert [identity for identity, _ in rows] == [f"T{number}" for number in range(1, 17)]
    for identity, places in rows:
        for place in re.findall("`(.+?)`", places):
            assert re.search(rf"\b{identity}\b|test_{identity.lower()}_", (TESTS / f"{place}.py").read_text("utf-8")), (identity, place)


def test_what_runs_on_each_backend_is_there():
    """A share that named no file would stop pytest; a name of CORE that is no test would leave it out without a word."""
    tool = runpy.run_path(str(ROOT / "tools" / "run_tests.py"))
    shares = [path for share in (*tool["SHARES"], *tool["COMPUTING"]) for path in share]
    assert [path for path in shares if not (ROOT / path).is_dir()] == []
    for name in tool["CORE"]:
        path, _, test = name.partition("::")
        assert f"def {test}{'(' * bool(test)}" in (ROOT / path).read_text("utf-8")
        assert any(path.startswith(f"{room}/") for share in tool["COMPUTING"] for room in share)
