"""What is published: the wheel and the source distribution, built from this very tree."""

import re
import subprocess
import sys
import tarfile
from email import message_from_bytes
from pathlib import Path
from zipfile import ZipFile

import pytest
from tests.house.sources import PACKAGE, ROOT

#: Bytes: the code is a quarter of a megabyte; a picture or a store file that slipped in is not.
LARGEST_SDIST = 1_500_000


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both distributions; the wheel is built out of the unpacked sdist."""
    folder = tmp_path_factory.mktemp("dist")
    # Without isolation nothing is fetched: hatchling is in the tests' own environment.
    argv = (sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT))
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> set[str]:
    """The names in the wheel."""
    [file] = dist.glob("*.whl")
    with ZipFile(file) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def sdist(dist: Path) -> set[str]:
    """The names in the source distribution, below its one folder."""
    [file] = dist.glob("*.tar.gz")
    with tarfile.open(file) as archive:
        return {member.name.partition("/")[2] for member in archive if member.isfile()}


@pytest.fixture(scope="module")
def metadata(dist: Path) -> dict[str, list[str]]:
    """The wheel's METADATA by field; the description is the payload."""
    [file] = dist.glob("*.whl")
    with ZipFile(file) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        message = message_from_bytes(archive.read(name))
    fields = {field: [str(text) for text in message.get_all(field, [])] for field in message}
    return fields | {"Description": [str(message.get_payload())]}


def files_below(folder: Path) -> set[str]:
    """Return what a clone has in a folder."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_the_package_and_its_migrations(wheel: set[str]) -> None:
    """Templates, style sheets, texts, py.typed and SQL; nothing of the tests, nothing stray."""
    expected = {f"tgauth/{name}" for name in files_below(PACKAGE)}
    expected |= {f"tgauth/migrations/{name}" for name in files_below(ROOT / "migrations")}
    assert expected == {name for name in wheel if ".dist-info/" not in name}
    assert {"tgauth/py.typed", "tgauth/api/templates/base.html"} <= wheel


def test_the_wheel_brings_the_command_and_the_license(wheel: set[str], dist: Path) -> None:
    """`pip install tgauth-server` puts `tgauth` on the PATH."""
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in wheel)
    [file] = dist.glob("*.whl")
    with ZipFile(file) as archive:
        [name] = [name for name in wheel if name.endswith("entry_points.txt")]
        assert "tgauth = tgauth.cli:main" in archive.read(name).decode()


def test_the_sdist_can_be_tested_and_deployed(sdist: set[str]) -> None:
    """A packager finds sources, tests, locked versions, documents and service files."""
    whole = {f"{top}/{name}" for top in ("migrations", "tests") for name in files_below(ROOT / top)}
    assert set() == {name for name in whole - sdist if "node_modules" not in name}
    documents = {"README.md", "CHANGELOG.md", "LICENSE", "SECURITY.md", "docs/settings.md"}
    service_files = {"supervisord.conf", "deploy/tgauth.service", "deploy/Dockerfile"}
    assert documents | service_files | {"pyproject.toml", "requirements.lock"} <= sdist


def test_the_sdist_is_small(sdist: set[str], dist: Path) -> None:
    """No pictures, no stores and no keys: it is what one reads, runs and checks."""
    unwanted = {".png", ".db", ".key", ".whl", ".gz", ".pyc"}
    ours = {name for name in sdist if not name.startswith("tests/data/")}
    assert set() == {name for name in ours if Path(name).suffix in unwanted}
    [file] = dist.glob("*.tar.gz")
    assert file.stat().st_size < LARGEST_SDIST


def test_every_link_of_the_description_works_on_pypi(metadata: dict[str, list[str]]) -> None:
    """PyPI shows the README without the files beside it: no picture and no link needs one."""
    [description] = metadata["Description"]
    links = re.findall(r"\[[^\]]*\]\(([^)]*)\)", description)
    assert [] == [link for link in links if not link.startswith(("https://", "#"))]
    assert "## Configure it" in description
    assert "docs/settings.md" in description
    assert metadata["Description-Content-Type"] == ["text/markdown"]


def test_the_metadata_says_what_it_needs(metadata: dict[str, list[str]]) -> None:
    """Name, license, Python, and the extra of the demo; no address that does not exist."""
    assert metadata["Name"] == ["tgauth-server"]
    assert metadata["License-Expression"] == ["MIT"]
    assert metadata["Requires-Python"] == [">=3.11"]
    assert metadata["Provides-Extra"] == ["demo"]
    assert "Project-URL" not in metadata
