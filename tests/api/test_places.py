"""Promises of places: a city and a country where the operator's database knows them."""

from pathlib import Path
from typing import Any

import pytest
from tests.api.approving import begin, login_of
from tests.api.conftest import a_browser, an_app
from tests.api.mmdb import a_database

from tgauth.api.places import PlacesUnusable, open_places
from tgauth.flows.deployment import Deployment
from tgauth.store import approvals

pytestmark = pytest.mark.anyio

BERLIN: dict[str, Any] = {
    "city": {"names": {"de": "Berlin", "en": "Berlin"}},
    "country": {"names": {"en": "Germany"}},
}


def a_file(folder: Path, record: dict[str, Any], network: str = "203.0.113.0/24") -> Path:
    """Write a database."""
    path = folder / "places.mmdb"
    path.write_bytes(a_database(network, record))
    return path


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (BERLIN, "Berlin, Germany"),
        ({"country": BERLIN["country"]}, "Germany"),
        ({"city": BERLIN["city"]}, "Berlin"),
        ({"city": {"names": {"de": "Berlin"}}}, None),
        ({"city": "Berlin", "country": {"names": "Germany"}}, None),
        ({"city": {"names": {"en": "a\nb"}}}, None),
        ({"city": {"names": {"en": "x" * 91}}}, None),
        ({}, None),
    ],
)
async def test_a_place_is_as_exact_as_the_database(
    tmp_path: Path, record: dict[str, Any], expected: str | None
) -> None:
    """Whatever is not a name is left out."""
    assert expected == await open_places(a_file(tmp_path, record)).of("203.0.113.9")


@pytest.mark.parametrize("address", ["203.0.114.1", "2001:db8::1", "unknown", ""])
async def test_what_is_not_in_it_is_nowhere(tmp_path: Path, address: str) -> None:
    """Nor what is no address of its kind."""
    assert await open_places(a_file(tmp_path, BERLIN)).of(address) is None


async def test_without_a_database_nobody_looks() -> None:
    """The usual case."""
    assert await open_places(None).of("203.0.113.9") is None


async def test_a_database_that_is_overwritten_ends_nothing(tmp_path: Path) -> None:
    """The place is unknown then."""
    path = a_file(tmp_path, BERLIN)
    places = open_places(path)
    path.write_bytes(b"")
    assert await places.of("203.0.113.9") is None


@pytest.mark.parametrize("content", [None, b"", b"no database", bytes(1000)])
def test_a_file_that_is_none_is_told(tmp_path: Path, content: bytes | None) -> None:
    """By its path and what is wrong."""
    path = tmp_path / "places.mmdb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PlacesUnusable, match=str(path)):
        open_places(path)


async def test_the_chat_can_say_from_where_a_login_was_begun(
    tmp_path: Path, deployment: Deployment
) -> None:
    """It is kept with the login."""
    app = an_app(deployment, places=a_file(tmp_path, BERLIN, "127.0.0.0/8"))
    async with a_browser(app, deployment) as browser:
        page = await begin(browser)
    approval = await deployment.store.read(approvals.get, login_of(page))
    assert approval is not None
    assert "Berlin, Germany" == approval.place
