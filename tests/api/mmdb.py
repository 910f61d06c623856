"""A database in MaxMind's format with one network in it (maxmind.github.io/MaxMind-DB)."""

from ipaddress import IPv4Network
from typing import Any


def a_database(network: str, record: dict[str, Any]) -> bytes:
    """Return the file's content."""
    where = IPv4Network(network)
    depth = where.prefixlen
    bits = f"{int(where.network_address):032b}"[:depth]
    tree = b""
    for level, bit in enumerate(bits):
        # After the last bit comes the data: its first byte, behind the gap.
        onward = level + 1 if level + 1 < depth else depth + 16
        pair = (onward, depth) if bit == "0" else (depth, onward)
        tree += b"".join(value.to_bytes(3) for value in pair)
    metadata = {
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 1_800_000_000,
        "database_type": "Test-City",
        "description": {"en": "for tests"},
        "ip_version": 4,
        "languages": ["en"],
        "node_count": depth,
        "record_size": 24,
    }
    return tree + bytes(16) + _encoded(record) + b"\xab\xcd\xefMaxMind.com" + _encoded(metadata)


def _encoded(value: object) -> bytes:
    match value:
        case str():
            raw = value.encode()
            return _control(2, len(raw)) + raw
        case int():
            return _control(6, 4) + value.to_bytes(4)
        case list():
            return bytes([len(value), 11 - 7]) + b"".join(map(_encoded, value))
        case dict():
            pairs = (_encoded(key) + _encoded(one) for key, one in value.items())
            return _control(7, len(value)) + b"".join(pairs)
        case _:
            raise TypeError(value)


def _control(kind: int, size: int) -> bytes:
    if size < 29:
        return bytes([kind << 5 | size])
    return bytes([kind << 5 | 29, size - 29])
