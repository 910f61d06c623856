"""Promises of errors: one shape for programs, a page for browsers, never a fault's inside."""

from typing import Any

import httpx
import pytest
from litestar import Litestar, get
from tests.api.pages import open_link, press

from tgauth.api.limits import LARGEST_BODY
from tgauth.domain.links import CALLBACK_PATH
from tgauth.flows.deployment import Deployment

pytestmark = pytest.mark.anyio

JSON = {"Content-Type": "application/json"}
HTML = {"Accept": "text/html"}

#: (method, path, content, headers) → (status, error)
PROTOCOL: dict[str, tuple[str, str, bytes, dict[str, str], int, str]] = {
    "malformed JSON": ("POST", "/api/auth/callback", b"{", JSON, 400, "invalid_request"),
    "no body": ("POST", "/api/auth/callback", b"", JSON, 400, "invalid_request"),
    "null": ("POST", "/api/auth/callback", b"null", JSON, 400, "invalid_request"),
    "a list": ("POST", "/api/auth/callback", b"[]", JSON, 400, "invalid_request"),
    "no code": ("POST", "/api/auth/callback", b"{}", JSON, 400, "invalid_request"),
    "a number": ("POST", "/api/auth/callback", b'{"code": 1}', JSON, 400, "invalid_request"),
    "null code": ("POST", "/api/auth/callback", b'{"code": null}', JSON, 400, "invalid_request"),
    "NUL byte": ("POST", "/api/auth/callback", b'{"code": "\\u0000"}', JSON, 400, "invalid_grant"),
    "raw NUL": ("POST", "/api/auth/callback", b'{"code": "\0"}', JSON, 400, "invalid_request"),
    "bad UTF-8": ("POST", "/api/auth/callback", b'{"code": "\xff"}', JSON, 400, "invalid_request"),
    "surrogate": ("POST", "/api/auth/callback", b'{"code": "\\ud800"}', JSON, 400, "invalid"),
    "deep": ("POST", "/api/auth/callback", b"[" * 9000, JSON, 400, "invalid_request"),
    "huge": (
        "POST",
        "/api/auth/callback",
        b'{"code": "' + b"A" * LARGEST_BODY + b'"}',
        JSON,
        413,
        "invalid_request",
    ),
    "unknown path": ("GET", "/nowhere", b"", {}, 404, "not_found"),
    "unknown API path": ("GET", "/api/nowhere", b"", HTML, 404, "not_found"),
    "wrong method": ("GET", "/api/auth/callback", b"", {}, 405, "invalid_request"),
    "wrong method again": ("DELETE", "/api/auth/me", b"", {}, 405, "invalid_request"),
    "odd path": ("GET", "/%00%ff/..%2f", b"", {}, 404, "not_found"),
}


@pytest.mark.parametrize("case", PROTOCOL)
async def test_what_makes_no_sense_is_told_in_one_shape(api: httpx.AsyncClient, case: str) -> None:
    """`error` and `error_description` as JSON, and nothing of our inside."""
    method, path, content, headers, status, error = PROTOCOL[case]
    answer = await api.request(method, path, content=content, headers=headers)
    assert status == answer.status_code
    assert "application/json" == answer.headers["content-type"]
    assert "no-store" == answer.headers["cache-control"]
    assert {"error", "error_description"} == set(answer.json())
    assert answer.json()["error"].startswith(error)
    assert "msgspec" not in answer.text


async def test_a_wrong_method_names_the_right_ones(api: httpx.AsyncClient) -> None:
    """RFC 9110 §15.5.6."""
    answer = await api.get("/api/auth/callback")
    assert {"POST", "OPTIONS"} == set(answer.headers["allow"].split(", "))


@pytest.mark.parametrize(
    ("method", "path", "status", "title"),
    [
        ("GET", "/nowhere", 404, "There is no such page"),
        ("PUT", "/account", 405, "This page cannot be used that way"),
        ("POST", CALLBACK_PATH, 415, "This request makes no sense here"),
    ],
)
async def test_a_browser_gets_a_page(
    browser: httpx.AsyncClient, method: str, path: str, status: int, title: str
) -> None:
    """With a title and advice, and the headers of every page."""
    answer = await browser.request(method, path)
    assert (status, True) == (answer.status_code, title in answer.text)
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_an_api_path_answers_json_to_browsers_too(browser: httpx.AsyncClient) -> None:
    """Whoever opens it in a browser is a developer."""
    answer = await browser.get("/api/auth/me")
    assert (401, "application/json") == (answer.status_code, answer.headers["content-type"])


async def test_a_fault_of_our_own_tells_nothing(
    app: Litestar, api: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer says that something went wrong; the log says what and where."""

    @get("/broken", sync_to_thread=False)
    def broken() -> dict[str, Any]:
        raise ZeroDivisionError("secret detail")

    app.register(broken)
    answer = await api.get("/broken")
    expected = {"error": "server_error", "error_description": "something went wrong here"}
    assert (500, expected) == (answer.status_code, answer.json())
    [record] = [one for one in caplog.records if one.name == "tgauth.api"]
    assert "request.failed" == record.getMessage()
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ZeroDivisionError)


async def test_an_unavailable_store_is_503_everywhere(
    deployment: Deployment, api: httpx.AsyncClient, browser: httpx.AsyncClient, code: str
) -> None:
    """Programs and people are told that it is for now, nothing is spent, and it recovers."""
    page = await open_link(browser, code)
    await deployment.store._writer.execute_fetchall("PRAGMA query_only = ON")
    answer = await api.post("/api/auth/callback", json={"code": code})
    assert (503, "temporarily_unavailable") == (answer.status_code, answer.json()["error"])
    refused = await press(browser, page)
    assert (503, True) == (refused.status_code, "does not work right now" in refused.text)
    await deployment.store._writer.execute_fetchall("PRAGMA query_only = OFF")
    assert 303 == (await press(browser, page)).status_code
