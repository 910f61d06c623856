"""What HTTP clients trust, read once."""

import os
import ssl
from functools import cache
from typing import Any

import httpx


def shared_context(*, verify: Any, cert: Any, trust_env: bool) -> ssl.SSLContext:
    """Do what `httpx.create_ssl_context` does, once for clients that ask for nothing special."""
    if verify is not True or cert is not None:
        return httpx.create_ssl_context(verify=verify, cert=cert, trust_env=trust_env)
    where = tuple(os.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"))
    return _read(where, trust_env=trust_env)


@cache
def _read(_where: tuple[str | None, ...], *, trust_env: bool) -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=trust_env)
