"""Promises of the house: documented, small, and each room within its walls."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from tests.house.sources import FILES, PACKAGE, ROOT, imports_of, name_of, tree_of

#: Outside library → the rooms that may import it.
DOORS = {
    "telegram": {"bot"},
    "litestar": {"api", "sandbox"},
    "hypercorn": {"api", "sandbox"},
    "aiosqlite": {"store"},
    "sqlite3": {"store"},
    "joserfc": {"oidc"},
    "authlib": {"oidc"},
    "jinja2": {"api", "sandbox"},
    "segno": {"api"},
    "maxminddb": {"api"},
    "click": {"cli"},
}

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def room_of(path: Path) -> str:
    """Return the first part of a file's path below the package."""
    return path.relative_to(PACKAGE).parts[0]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_module_says_what_it_is(path: Path) -> None:
    """A package's docstring says what it owns and what it refuses; a module's what it is."""
    docstring = ast.get_docstring(tree_of(path))
    assert docstring
    is_room = path.name == "__init__.py" and path.parent.parent == PACKAGE
    if is_room and room_of(path) != "domain":
        assert "Own" in docstring or "own" in docstring
    if is_room:
        assert "efuse" in docstring


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_public_function_and_class_has_a_docstring(path: Path) -> None:
    """Public ones always; those of private classes need none."""
    missing = [
        node.name
        for parent in ast.walk(tree_of(path))
        if isinstance(parent, ast.Module | ast.ClassDef)
        and not (isinstance(parent, ast.ClassDef) and parent.name.startswith("_"))
        for node in parent.body
        if isinstance(node, DEFINITIONS)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
        and not any("overload" in ast.dump(one) for one in node.decorator_list)
    ]
    assert [] == missing


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_file_is_long_without_a_reason(path: Path) -> None:
    """300 lines fit in a head; whoever needs more says why in a line `# long because …`."""
    lines = path.read_text("utf-8").splitlines()
    assert len(lines) <= 300 or any("# long because" in line for line in lines)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_function_is_long_without_a_reason(path: Path) -> None:
    """40 lines of code; the docstring does not count."""
    long = []
    text = path.read_text("utf-8").splitlines()
    for node in ast.walk(tree_of(path)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        begin = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
        size = (node.end_lineno or 0) - begin.lineno + 1
        if size > 40 and not any(
            "# long because" in line for line in text[node.lineno - 2 : node.end_lineno]
        ):
            long.append((node.name, size))
    assert [] == long


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_each_outside_library_has_one_door(path: Path) -> None:
    """A library that changes, changes one room."""
    through_walls = {
        (library, name)
        for name in imports_of(path)
        for library, rooms in DOORS.items()
        if name.partition(".")[0] == library and room_of(path) not in rooms
    }
    assert set() == through_walls


def test_what_is_imported_is_asked_for_by_name() -> None:
    """A library that only comes with another one may go with its next release."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked_for = {"": project["dependencies"]} | project["optional-dependencies"]
    named = {
        extra: {re.split(r"[\[<>=]", one)[0] for one in wanted}
        for extra, wanted in asked_for.items()
    }
    distributions = packages_distributions()
    missing = set()
    for path in FILES:
        # The sample application alone has more, by the extra of the demo.
        allowed = named[""] | (named["demo"] if room_of(path) == "sandbox" else set())
        for library in {name.partition(".")[0] for name in imports_of(path)}:
            if library in {*sys.stdlib_module_names, "tgauth"}:
                continue
            if not {one.lower() for one in distributions[library]} & allowed:
                missing.add((library, name_of(path)))
    assert set() == missing


@pytest.mark.parametrize("room", ["supervisor", "sandbox"])
def test_a_side_room_imports_nothing_of_tgauth(room: str) -> None:
    """So that it can be lifted out, and no misunderstanding sits on both sides."""
    foreign = {
        (name_of(path), name)
        for path in (PACKAGE / room).rglob("*.py")
        for name in imports_of(path)
        if name.partition(".")[0] == "tgauth"
        and name != "tgauth"
        and not name.startswith(f"tgauth.{room}")
    }
    assert set() == foreign


def test_faces_do_not_know_each_other() -> None:
    """The bot imports nothing of the API, nor the API of the bot."""
    for room, other in (("bot", "api"), ("api", "bot")):
        names = {name for path in (PACKAGE / room).glob("*.py") for name in imports_of(path)}
        assert set() == {name for name in names if name.startswith(f"tgauth.{other}")}


def test_begin_is_typed_in_three_places_only() -> None:
    """The two ways to write, statement by statement and in one hop, and the migrations."""
    typing = {
        name_of(path)
        for path in FILES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.startswith("BEGIN")
    }
    assert {"store/connection.py", "store/database.py", "store/migrations.py"} == typing


def test_sql_is_typed_in_the_store_only() -> None:
    """All SQL stands in one room."""
    typing = {
        name_of(path)
        for path in FILES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.strip().startswith(("SELECT ", "INSERT INTO", "UPDATE ", "DELETE FROM"))
        and room_of(path) != "store"
    }
    assert set() == typing


def test_the_domain_reads_no_clock_and_no_chance() -> None:
    """Time and randomness come in as arguments."""
    forbidden = {"time", "datetime", "random", "secrets", "os", "uuid", "asyncio", "anyio"}
    files = list((PACKAGE / "domain").glob("*.py"))
    found = {(path.name, name) for path in files for name in imports_of(path)}
    # It writes an instant out.
    found -= {("instants.py", f"datetime{part}") for part in ("", ".UTC", ".datetime")}
    assert set() == {one for one in found if one[1].partition(".")[0] in forbidden}
    nodes = [node for path in files for node in ast.walk(tree_of(path))]
    read = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    assert set() == read & {"now", "utcnow", "today"}


def contracts() -> dict[str, dict[str, Any]]:
    """Return the contracts of import-linter, by their names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return {one["name"]: one for one in project["tool"]["importlinter"]["contracts"]}


#: What stands at the top of the package: folders, and modules that are rooms of their own.
ROOMS = sorted(
    f"tgauth.{path.stem}"
    for path in PACKAGE.iterdir()
    if path.stem != "__init__" and (path.suffix == ".py" or (path / "__init__.py").exists())
)


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_is_in_every_contract_of_a_door(room: str) -> None:
    """Each outside library has its door there, or is forbidden to it."""
    doors = {name: one for name, one in contracts().items() if "has one door" in name}
    assert set(DOORS) - {"sqlite3", "authlib"} <= {name.split()[0] for name in doors}
    for name, contract in doors.items():
        is_door = room.removeprefix("tgauth.") in re.findall(r"\w+", name.partition(":")[2])
        assert is_door == (room not in contract["source_modules"]), name


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_is_on_a_floor_or_beside_the_house(room: str) -> None:
    """And what may know nothing of tgauth may not know this room either."""
    by_name = contracts()
    layers = by_name["Imports go down the floors"]["layers"]
    floors = {name.strip() for layer in layers for name in layer.split("|")}
    leaves = by_name["Words, logs, measures and the place of migrations are leaves"]
    beside = {"tgauth.supervisor", "tgauth.sandbox", "tgauth.settings"}
    assert room in floors | beside | set(leaves["source_modules"])
    for name in ("The supervisor", "The sandbox"):
        contract = by_name[f"{name} knows nothing of tgauth"]
        assert room in {*contract["source_modules"], *contract["forbidden_modules"]}, name
    assert room in {*leaves["source_modules"], *leaves["forbidden_modules"]}
