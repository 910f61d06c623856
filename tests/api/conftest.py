"""The application in this process, and a browser in front of it."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from litestar import Litestar
from tests.builders import Clock, Ids, a_begun_login, a_deployment, chat_code_of

from tgauth.api.app import build_app
from tgauth.api.options import ApiOptions
from tgauth.flows.deployment import Deployment
from tgauth.flows.keyring import Keys
from tgauth.store import Store


@pytest.fixture
def deployment(store: Store, clock: Clock, ids: Ids) -> Deployment:
    """Return an installation under https, with an application."""
    return a_deployment(store, now=clock, new_id=ids)


@pytest.fixture
def keys(deployment: Deployment) -> Keys:
    """Return its signing keys, as this process knows them."""
    return Keys(deployment)


@pytest.fixture
def app(deployment: Deployment) -> Litestar:
    """Return its application."""
    return an_app(deployment)


@pytest.fixture
async def browser(app: Litestar, deployment: Deployment) -> AsyncIterator[httpx.AsyncClient]:
    """Return a browser: it keeps cookies and asks for HTML."""
    async with a_browser(app, deployment) as opened:
        yield opened


@pytest.fixture
async def api(app: Litestar, deployment: Deployment) -> AsyncIterator[httpx.AsyncClient]:
    """Return an application's client: no cookies, no HTML."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url=deployment.issuer.url) as client:
        yield client


@pytest.fixture
async def code(deployment: Deployment) -> str:
    """Return the code in the link that Alice got."""
    return chat_code_of(deployment, await a_begun_login(deployment))


def an_app(deployment: Deployment, **options: Any) -> Litestar:
    """Build the application of an installation."""
    return build_app(deployment, Keys(deployment), ApiOptions(**options))


def a_browser(app: Litestar, deployment: Deployment) -> httpx.AsyncClient:
    """Open a browser at the installation's address."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app, raise_app_exceptions=False),  # type: ignore[arg-type]
        base_url=deployment.issuer.url,
        headers={"Accept": "text/html,application/xhtml+xml"},
    )
