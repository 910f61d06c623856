"""The Telegram face: parse an update, call a flow, put the outcome into words.

The only door to python-telegram-bot. Owns polling, the queue that commits before it confirms, and
the sender that works off the outbox. Refuses rules and SQL, and never imports `tgauth.api`.
"""
