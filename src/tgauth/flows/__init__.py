"""The use cases: each one asynchronous function, one transaction, no network inside it.

Owns what happens when: a flow reads, lets `tgauth.domain` decide, and writes. Bot and API call the
same flows. A refusal that must write is returned, because raising rolls back. Refuses HTTP,
Telegram, and prose for people.
"""
