"""The promise of the OpenAPI document: whatever fits it or not, the answer is one that it names."""

import json
import re
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.api.serving import Served, served
from tests.builders import a_client

from tgauth.domain.code import hash_of

SCHEMATHESIS = Path(sysconfig.get_path("scripts")) / "schemathesis"
SECRET = "correct horse"
#: Not among them: `positive_data_acceptance`, as a code that fits the document is not yet a good
#: one, and what is about resources that come and go.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "ignored_auth",
)
ALL_PHASES = "examples,coverage,fuzzing"


def conform(
    api: Served, document: dict[str, Any], folder: Path, *, phases: str = ALL_PHASES
) -> tuple[int, str]:
    """Let schemathesis ask whatever it can think of; return its verdict and what it says."""
    token = exchange(api).json()["access_token"]
    (folder / "openapi.json").write_text(json.dumps(document), "utf-8")
    (folder / "schemathesis.toml").write_text(
        "[[operations]]\n"
        'include-name = "GET /api/auth/me"\n'
        f'headers = {{ Authorization = "Bearer {token}" }}\n',
        "utf-8",
    )
    argv = [str(SCHEMATHESIS), "run", "openapi.json", "--url", api.url, "--phases", phases]
    argv += ["--checks", ",".join(CHECKS), "--max-examples", "40", "--generation-deterministic"]
    argv += ["--workers", "2", "--no-color"]
    ran = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    return ran.returncode, ran.stdout + ran.stderr


def exchange(api: Served) -> httpx.Response:
    """Exchange a fresh code."""
    return httpx.post(f"{api.url}/api/auth/callback", json=good_body(api))


def good_body(api: Served) -> dict[str, str]:
    """Return a body that is good for one exchange."""
    secret = {} if api.deployment.client.secret_hash is None else {"client_secret": SECRET}
    return {"code": api.new_code(), **secret}


def document_of(api: Served) -> dict[str, Any]:
    """Return the document, with an example that really works."""
    document: dict[str, Any] = httpx.get(f"{api.url}/openapi.json").json()
    body = document["paths"]["/api/auth/callback"]["post"]["requestBody"]
    body["content"]["application/json"]["example"] = good_body(api)
    return document


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Served]:
    """Serve an installation whose client has no secret."""
    with served(tmp_path, failures_per_minute=10**6) as running:
        yield running


@pytest.fixture
def confidential_api(tmp_path: Path) -> Iterator[Served]:
    """Serve an installation whose client has a secret."""
    client = a_client(secret_hash=hash_of(SECRET))
    with served(tmp_path, client=client, failures_per_minute=10**6) as running:
        yield running


@pytest.mark.parametrize("name", ["api", "confidential_api"])
def test_no_answer_is_a_fault_or_undocumented(
    request: pytest.FixtureRequest, name: str, tmp_path: Path
) -> None:
    """Good and bad requests of every kind, each judged by every check that applies."""
    running: Served = request.getfixturevalue(name)
    verdict, report = conform(running, document_of(running), tmp_path)
    assert verdict == 0, report
    assert "Authentication failed" not in report
    assert "5 passed" in report


def test_a_status_that_the_document_forgets_is_found(api: Served, tmp_path: Path) -> None:
    """The check can fail: a document that does not name what comes is not conformed to."""
    document = document_of(api)
    del document["paths"]["/api/auth/callback"]["post"]["responses"]["400"]
    verdict, report = conform(api, document, tmp_path, phases="coverage")
    # "Undocumented HTTP status code", as earlier versions have it.
    assert re.search(r"Undocumented (HTTP )?status code", report), report
    assert 1 == verdict


def test_a_fault_is_found(api: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check can fail: a handler that breaks is a server error."""
    document = document_of(api)
    monkeypatch.setattr("tgauth.api.tokens.identify_by_token", None)
    verdict, report = conform(api, document, tmp_path, phases="coverage")
    assert (1, True) == (verdict, "Server error" in report), report
