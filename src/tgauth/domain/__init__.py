"""The rules of a login, and nothing else.

Owns what a login request, a code, a session, a person and an issuer are, and what may happen to
them. Refuses input and output, the clock, randomness and every outside library: time, identifiers
and keys come in as arguments, so that each rule can be held against a literal table.
"""
