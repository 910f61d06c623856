"""Promises of the reference: it describes exactly what there is, and only when somebody asks."""

from typing import Any

import anyio
import httpx
import pytest
from jsonschema_rs import validator_for
from tests.api.conftest import an_app
from tests.builders import a_deployment
from tests.gallery import gallery

from tgauth.api import reference as module
from tgauth.store import Store
from tgauth.texts import words_for

pytestmark = pytest.mark.anyio

#: (method, path) → statuses. What applications may count on.
OPERATIONS = {
    ("post", "/api/auth/callback"): "200 400 401 408 413 415 429 431 503",
    ("get", "/api/auth/me"): "200 400 401 429 431 503",
    ("get", "/.well-known/jwks.json"): "200 400 431 503",
    ("get", "/healthz"): "200 400 431",
    ("get", "/readyz"): "200 400 431 503",
}


async def document_of(api: httpx.AsyncClient) -> dict[str, Any]:
    """Return the document."""
    answer = await api.get("/openapi.json")
    assert (200, "application/json") == (answer.status_code, answer.headers["content-type"])
    assert "public, max-age=300" == answer.headers["cache-control"]
    document: dict[str, Any] = answer.json()
    return document


async def test_the_document_names_every_operation_and_status(api: httpx.AsyncClient) -> None:
    """A snapshot: pages are left out, and nothing that machines use is."""
    document = await document_of(api)
    found = {
        (method, path): " ".join(sorted(operation["responses"]))
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    assert found == OPERATIONS
    assert ["https://login.example.org"] == [one["url"] for one in document["servers"]]
    assert "3.1.0" == document["openapi"]


async def test_schemas_are_exact(api: httpx.AsyncClient) -> None:
    """A snapshot of what is sent and what is got: what is required, and what is refused."""
    schemas = (await document_of(api))["components"]["schemas"]
    body = schemas["CodeExchange"]
    assert (["code"], False) == (body["required"], "additionalProperties" in body)
    assert {"code": "string", "client_secret": "string"} == types_of(body)
    assert ["first_name", "name", "sub", "telegram_id"] == schemas["User"]["required"]
    assert {
        "sub": "string",
        "telegram_id": "integer",
        "name": "string",
        "first_name": "string",
        "last_name": "string",
        "username": "string",
        "language_code": "string",
    } == types_of(schemas["User"])
    assert ["error", "error_description"] == schemas["Problem"]["required"]
    assert all(schema["description"].strip() for schema in schemas.values())


def types_of(schema: dict[str, Any]) -> dict[str, str]:
    """Return the type of each member."""
    return {name: member["type"] for name, member in schema["properties"].items()}


async def test_examples_fit_their_schemas(api: httpx.AsyncClient) -> None:
    """Every body has an example, and each example is one of its kind."""
    document = await document_of(api)
    schemas = document["components"]
    for operations in document["paths"].values():
        for operation in operations.values():
            bodies = [*operation["responses"].values()]
            bodies += [operation["requestBody"]] if "requestBody" in operation else []
            for body in bodies:
                [content] = body["content"].values()
                schema = {**content["schema"], "components": schemas}
                validator_for(schema).validate(content["example"])


async def test_who_has_to_prove_what_is_written_down(api: httpx.AsyncClient) -> None:
    """As security schemes: a client's secret may be needed, a token has to be there."""
    document = await document_of(api)
    schemes = document["components"]["securitySchemes"]
    assert {
        "clientSecret": ("http", "basic"),
        "accessToken": ("http", "bearer"),
    } == {name: (one["type"], one["scheme"]) for name, one in schemes.items()}
    assert {
        "/api/auth/callback": [{}, {"clientSecret": []}],
        "/api/auth/me": [{"accessToken": []}],
    } == {
        path: operation["security"]
        for path, operations in document["paths"].items()
        for operation in operations.values()
        if "security" in operation
    }


async def test_nothing_is_described_before_somebody_asks(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither at the start nor twice, however many ask at once."""
    made: list[int] = []
    describe = module.describe

    def counted(*arguments: Any) -> dict[str, Any]:
        made.append(1)
        return describe(*arguments)

    monkeypatch.setattr(module, "describe", counted)
    transport = httpx.ASGITransport(app=an_app(a_deployment(store)))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="https://x.example") as api:
        await api.get("/healthz")
        assert [] == made
        async with anyio.create_task_group() as asking:
            for path in ("/openapi.json", "/docs/api") * 5:
                asking.start_soon(api.get, path)
        assert [1] == made


async def test_the_page_shows_the_whole_document(browser: httpx.AsyncClient) -> None:
    """Every operation, status and member, without a script or anything from elsewhere."""
    document = await document_of(browser)
    page = await browser.get("/docs/api")
    assert (200, True) == (page.status_code, "default-src 'none'" in str(page.headers))
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert f"<code>{method.upper()} {path}</code>" in page.text
            for status in operation["responses"]:
                assert f"<code>{status}</code>" in page.text
    for name, schema in document["components"]["schemas"].items():
        assert f'id="{name}"' in page.text
        for member in schema["properties"]:
            assert f"<code>{member}</code>" in page.text
    assert "http://" not in page.text
    assert "<style" not in page.text


def test_every_link_of_the_page_leads_somewhere() -> None:
    """Within the page itself."""
    pages, _ = gallery(words_for("en"))
    text = str(pages["reference"].content)
    targets = {part.split('"')[0] for part in text.split('href="#')[1:]}
    assert targets
    assert targets <= {part.split('"')[0] for part in text.split(' id="')[1:]}
