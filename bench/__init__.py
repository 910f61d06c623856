"""Benchmarks: what docs/performance.md promises, measured from outside with the real command.

Each runs as `python -m bench.NAME`, prints one small table and ends by itself. Owns the load, the
clocks and the tables; refuses to look inside tgauth: what is measured is what a person waits for,
and what the machine pays for it. No test has a time in it.
"""
