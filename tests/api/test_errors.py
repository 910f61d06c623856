"""Promises of errors: one shape for programs, a page for browsers, never a fault's inside."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from litestar import Litestar, get
from tests.api.pages import open_link, press

from tgauth.api.limits import LARGEST_BODY, LARGEST_HEADERS, MOST_HEADERS
from tgauth.domain.links import CALLBACK_PATH
from tgauth.flows.deployment import Deployment

pytestmark = pytest.mark.anyio

JSON = {"Content-Type": "application/json"}
HTML = {"Accept": "text/html"}

EXCHANGE = "/api/auth/callback"
GZIP = JSON | {"Content-Encoding": "gzip"}

#: (body, headers) → (status, error, what the description says)
BODIES: dict[str, tuple[bytes, dict[str, str], int, str, str]] = {
    "malformed": (b"{", JSON, 400, "invalid_request", "(it is no JSON)"),
    "nothing": (b"", JSON, 400, "invalid_request", "(it is no JSON)"),
    "two": (b'{"code": "x"}{}', JSON, 400, "invalid_request", "(it is no JSON)"),
    "NaN": (b'{"code": NaN}', JSON, 400, "invalid_request", "(it is no JSON)"),
    "UTF-16": ('{"code": "x"}'.encode("utf-16"), JSON, 400, "invalid_request", "no JSON"),
    "a mark": (b'\xef\xbb\xbf{"code": "x"}', JSON, 400, "invalid_request", "no JSON"),
    "raw NUL": (b'{"code": "\0"}', JSON, 400, "invalid_request", "(it is no JSON)"),
    "surrogate": (b'{"code": "\\ud800"}', JSON, 400, "invalid_request", "(it is no JSON)"),
    "bad UTF-8": (b'{"code": "\xff"}', JSON, 400, "invalid_request", "(it cannot be read)"),
    "null": (b"null", JSON, 400, "invalid_request", "got `null`"),
    "a list": (b"[]", JSON, 400, "invalid_request", "got `array`"),
    "a list of pairs": (b'[["code", "x"]]', JSON, 400, "invalid_request", "got `array`"),
    "deep": (b"[" * 9000, JSON, 400, "invalid_request", "got `array`"),
    "deep inside": (b'{"x":' * 3000, JSON, 400, "invalid_request", "it cannot be read"),
    "no code": (b"{}", JSON, 400, "invalid_request", "required field `code`"),
    "unknown": (b'{"code": "x", "state": 1}', JSON, 400, "invalid_grant", "the code is unknown"),
    "twice": (b'{"code": "x", "code": "y"}', JSON, 400, "invalid_request", "names a field twice"),
    "escaped": (b'{"code": "x", "c\\u006fde": "y"}', JSON, 400, "invalid_request", "twice"),
    "a number": (b'{"code": 1}', JSON, 400, "invalid_request", "got `int` - at `$.code`"),
    "null code": (b'{"code": null}', JSON, 400, "invalid_request", "got `null` - at `$.code`"),
    "null secret": (b'{"code": "x", "client_secret": null}', JSON, 400, "invalid_request", "null"),
    "NUL": (b'{"code": "\\u0000"}', JSON, 400, "invalid_grant", "the code is unknown"),
    "huge": (b'{"code": "' + b"A" * LARGEST_BODY, JSON, 413, "invalid_request", "16384 bytes"),
    "compressed": (b'{"code": "x"}', GZIP, 415, "invalid_request", "without Content-Encoding"),
    "identity": (
        b'{"code": "x"}',
        JSON | {"Content-Encoding": "Identity"},
        400,
        "invalid_grant",
        "unknown",
    ),
    "untyped": (b'{"code": "x"}', {}, 415, "invalid_request", "application/json"),
    "mistyped": (
        b'{"code": "x"}',
        {"Content-Type": "application/jsonx"},
        415,
        "invalid_request",
        "application/json",
    ),
}

#: (method, path, headers) → (status, error, what the description says)
PROTOCOL: dict[str, tuple[str, str, dict[str, str], int, str, str]] = {
    "unknown path": ("GET", "/nowhere", {}, 404, "not_found", "/openapi.json"),
    "unknown API path": ("GET", "/api/nowhere", HTML, 404, "not_found", "/openapi.json"),
    "wrong method": ("GET", EXCHANGE, {}, 405, "invalid_request", "POST, OPTIONS"),
    "wrong method again": ("DELETE", "/api/auth/me", {}, 405, "invalid_request", "GET, HEAD"),
    "no method at all": ("FROB", "/healthz", {}, 405, "invalid_request", "GET, HEAD"),
    "odd path": ("GET", "/%00%ff/..%2f", {}, 404, "not_found", "/openapi.json"),
    "odd query": ("GET", "/auth/callback?code=%ff%00%", {}, 400, "invalid_grant", "unknown"),
    "odd host": ("GET", "/healthz", {"Host": 'a"b'}, 400, "invalid_request", "well-formed"),
    "many headers": (
        "GET",
        "/healthz",
        {f"x-{number}": "" for number in range(MOST_HEADERS)},
        431,
        "invalid_request",
        "at most 100",
    ),
    "large headers": (
        "GET",
        "/healthz",
        {"Cookie": "a" * LARGEST_HEADERS},
        431,
        "invalid_request",
        "16384 bytes",
    ),
}


def is_in_shape(answer: httpx.Response, status: int, error: str, description: str) -> bool:
    """Check that an error is `error` and `error_description` as JSON, and nothing of our inside."""
    assert (status, error) == (answer.status_code, answer.json().get("error"))
    assert "application/json" == answer.headers["content-type"]
    assert "no-store" == answer.headers["cache-control"]
    assert {"error", "error_description"} == set(answer.json())
    assert description in answer.json()["error_description"]
    assert "msgspec" not in answer.text
    return True


@pytest.mark.parametrize("case", BODIES)
async def test_a_wrong_body_is_told_what_would_be_right(api: httpx.AsyncClient, case: str) -> None:
    """What is wrong with it, and what a good one looks like."""
    content, headers, status, error, description = BODIES[case]
    answer = await api.post(EXCHANGE, content=content, headers=headers)
    assert is_in_shape(answer, status, error, description)
    if (status, error) == (400, "invalid_request"):
        assert answer.json()["error_description"].endswith('send a JSON object like {"code": "…"}')


@pytest.mark.parametrize("case", PROTOCOL)
async def test_what_makes_no_sense_is_told_in_one_shape(api: httpx.AsyncClient, case: str) -> None:
    """And what would make sense."""
    method, path, headers, status, error, description = PROTOCOL[case]
    answer = await api.request(method, path, headers=headers)
    assert is_in_shape(answer, status, error, description)


async def test_a_body_in_pieces_is_measured_as_a_whole(api: httpx.AsyncClient) -> None:
    """Without a Content-Length as well."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(LARGEST_BODY // 1000 + 1):
            yield b" " * 1000

    answer = await api.post(EXCHANGE, content=pieces(), headers=JSON)
    assert is_in_shape(answer, 413, "invalid_request", "16384 bytes")


async def test_a_body_as_large_as_allowed_is_read(api: httpx.AsyncClient) -> None:
    """To the byte."""
    content = b'{"code": "x"}'.ljust(LARGEST_BODY)
    answer = await api.post(EXCHANGE, content=content, headers=JSON)
    assert is_in_shape(answer, 400, "invalid_grant", "unknown")


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
