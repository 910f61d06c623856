"""Tokens and keys: the one door to JOSE, and later to Authlib.

Owns the formats (JWK, JWS, JWE, claims) and judges them. Synchronous, without input or output:
keys and instants come in as arguments, results go out as values. Refuses to know the store.
"""
