"""A self-hosted identity provider whose login happens in a Telegram chat."""
