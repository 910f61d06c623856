-- Nothing that is pending is lost, and an operator sees what is going on.

-- The lists of sessions in a chat: they are changed when a session that they name has ended.
CREATE INDEX outbox_lists ON outbox (chat_id, id) WHERE notice = 'sessions';
