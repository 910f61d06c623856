"""The HTTP face: parse a request, call a flow, render the outcome.

The only door to Litestar and Hypercorn. Owns routes, cookies, headers, pages, and how domain errors
look over HTTP. Refuses rules and SQL, and never imports `tgauth.bot`.
"""
