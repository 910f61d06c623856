"""Examples for the OpenAPI document, and the headers that answers carry."""

from typing import Any, Final

_USER: Final = {
    "sub": "5f0c8d6e6b1f4e0f9c6f0c9f1f0d2b7a",
    "telegram_id": 12345678,
    "name": "Alice Archer",
    "first_name": "Alice",
    "last_name": "Archer",
    "username": "alice",
    "language_code": "en",
}

#: (operation, "request" or status) → body.
EXAMPLES: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("exchangeCode", "request"): {"code": "3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
    ("exchangeCode", "200"): {
        "access_token": "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6Ii4uLiJ9.e30.c2ln",
        "token_type": "Bearer",
        "expires_in": 900,
        "user": _USER,
    },
    ("exchangeCode", "400"): {
        "error": "invalid_grant",
        "error_description": "the code was used before",
    },
    ("whoami", "200"): {
        "user": _USER,
        "session_id": "0b1d3a1c9d9b4f7d8c4b5a6f7e8d9c0b",
        "client_id": "default",
    },
    ("whoami", "401"): {
        "error": "invalid_token",
        "error_description": "there is no bearer token: send Authorization: Bearer …, with an "
        "access token from this service",
    },
    ("publishedKeys", "200"): {
        "keys": [
            {
                "kty": "EC",
                "crv": "P-256",
                "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
                "kid": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
                "use": "sig",
                "alg": "ES256",
            }
        ]
    },
    ("alive", "200"): {"status": "alive"},
    ("ready", "200"): {"status": "ready", "store": "ok"},
    ("ready", "503"): {"status": "not ready", "store": "store_unavailable"},
}

#: Status → body, where an operation has no example of its own.
PROBLEMS: Final[dict[str, dict[str, str]]] = {
    status: {"error": error, "error_description": description}
    for status, error, description in (
        ("400", "invalid_request", "the request cannot be read: send a well-formed path"),
        ("401", "invalid_client", "the client secret is missing or wrong"),
        ("408", "invalid_request", "the body did not arrive in time: send the request at once"),
        ("413", "invalid_request", "the body is too large"),
        ("415", "invalid_request", "the body has to be JSON"),
        ("429", "temporarily_unavailable", "too many failed attempts from this network address"),
        ("431", "invalid_request", "the headers are too large"),
        ("503", "temporarily_unavailable", "the login service cannot reach its store"),
    )
}

#: Status → header, what it says, its type.
HEADERS: Final[dict[str, tuple[str, str, str]]] = {
    "200": ("Cache-Control", "How long the answer may be kept.", "string"),
    "401": ("WWW-Authenticate", "How to prove oneself (RFC 9110 §11.6.1).", "string"),
    "429": ("Retry-After", "Seconds to wait.", "integer"),
}
