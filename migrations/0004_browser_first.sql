-- A login that begins in a browser and is approved in a chat.
-- SQLite changes a CHECK only by making the table anew; the runner keeps foreign keys out of the way.

CREATE TABLE new_logins (
    id TEXT NOT NULL PRIMARY KEY,
    door TEXT NOT NULL CHECK (door IN ('chat', 'browser')),
    client_id TEXT NOT NULL,
    subject TEXT REFERENCES persons (subject) ON DELETE CASCADE,
    state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'replaced', 'redeemed')),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    decided_at INTEGER,
    redeemed_at INTEGER,
    session_id TEXT REFERENCES sessions (id) ON DELETE SET NULL,
    browser TEXT,
    CHECK ((state = 'redeemed') = (redeemed_at IS NOT NULL)),
    CHECK (state IN ('pending', 'denied', 'replaced') OR subject IS NOT NULL),
    CHECK (door = 'chat' OR state = 'redeemed' OR browser IS NOT NULL)
) STRICT;
INSERT INTO new_logins SELECT * FROM logins;
DROP TABLE logins;
ALTER TABLE new_logins RENAME TO logins;
CREATE INDEX logins_by_subject ON logins (subject, created_at);
CREATE INDEX logins_by_session ON logins (session_id);
CREATE INDEX logins_by_expiry ON logins (expires_at);
CREATE INDEX logins_of_nobody ON logins (expires_at) WHERE subject IS NULL;

-- What a login that began in a browser asks of a person, and what came of it. The handle and the
-- stream's id are derived from the master key, and only their hashes are here.
CREATE TABLE approvals (
    login_id TEXT NOT NULL PRIMARY KEY REFERENCES logins (id) ON DELETE CASCADE,
    handle_hash TEXT NOT NULL UNIQUE,
    stream_hash TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    state_parameter TEXT,
    device TEXT,
    address TEXT,
    network TEXT NOT NULL,
    place TEXT,
    opened_by INTEGER,
    opened_at INTEGER,
    denial TEXT CHECK (denial IN ('declined', 'wrong_number', 'withdrawn')),
    CHECK ((opened_by IS NULL) = (opened_at IS NULL)),
    CHECK (denial IS NULL OR denial = 'withdrawn' OR opened_by IS NOT NULL)
) STRICT;
CREATE INDEX approvals_by_network ON approvals (network, created_at);
CREATE INDEX approvals_by_person ON approvals (opened_by, opened_at) WHERE opened_by IS NOT NULL;

-- Who wants to approve nothing for a while.
CREATE TABLE approval_blocks (
    telegram_id INTEGER NOT NULL PRIMARY KEY,
    blocked_until INTEGER NOT NULL
) STRICT;
CREATE INDEX approval_blocks_by_age ON approval_blocks (blocked_until);

-- Networks that somebody's login came from who then said that it was not them.
CREATE TABLE blocked_networks (
    network TEXT NOT NULL PRIMARY KEY,
    blocked_until INTEGER NOT NULL
) STRICT;
CREATE INDEX blocked_networks_by_age ON blocked_networks (blocked_until);

-- The bot's own account, told by the bot: a page cannot link to it otherwise. One row.
CREATE TABLE bot_account (
    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    telegram_id INTEGER NOT NULL,
    username TEXT NOT NULL
) STRICT;

CREATE TABLE new_outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    chat_id INTEGER NOT NULL,
    notice TEXT NOT NULL CHECK (notice IN (
        'login_link', 'login_closed', 'approval', 'approval_unknown', 'approval_over',
        'approval_taken', 'approvals_paused', 'approvals_blocked', 'approvals_allowed', 'greeting',
        'help', 'not_allowed', 'private_only', 'forwarded', 'too_late', 'too_many', 'sessions',
        'logged_out', 'not_logged_in', 'failed'
    )),
    language TEXT,
    login_id TEXT REFERENCES logins (id) ON DELETE CASCADE,
    edits INTEGER,
    created_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    not_before INTEGER NOT NULL,
    sent_at INTEGER,
    message_id INTEGER,
    given_up_at INTEGER,
    reason TEXT
) STRICT;
INSERT INTO new_outbox SELECT * FROM outbox;
DROP TABLE outbox;
ALTER TABLE new_outbox RENAME TO outbox;
CREATE INDEX outbox_due ON outbox (not_before) WHERE sent_at IS NULL AND given_up_at IS NULL;
CREATE INDEX outbox_promised ON outbox (created_at) WHERE sent_at IS NULL AND given_up_at IS NULL;
CREATE INDEX outbox_owed_by_chat ON outbox (chat_id, id)
WHERE sent_at IS NULL AND given_up_at IS NULL;
CREATE INDEX outbox_by_login ON outbox (login_id);
CREATE INDEX outbox_by_age ON outbox (created_at);
CREATE INDEX outbox_lists ON outbox (chat_id, id) WHERE notice = 'sessions';

CREATE TABLE new_audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    event TEXT NOT NULL CHECK (event IN (
        'login.begun', 'login.refused', 'login.replaced', 'login.withdrawn', 'login.redeemed',
        'login.opened', 'login.approved', 'login.denied', 'approvals.blocked',
        'code.exchanged', 'code.refused', 'session.ended', 'session.disowned', 'person.joined',
        'person.exported', 'person.removed', 'person.banned', 'person.unbanned', 'address.limited',
        'address.blocked', 'key.created', 'keys.rotated', 'master_key.renewed'
    )),
    actor TEXT NOT NULL CHECK (actor IN ('person', 'application', 'operator', 'system')),
    reason TEXT,
    subject TEXT,
    telegram_id INTEGER,
    client_id TEXT,
    login_id TEXT,
    session_id TEXT,
    address TEXT,
    device TEXT,
    number INTEGER NOT NULL
) STRICT;
INSERT INTO new_audit SELECT * FROM audit;
DROP TABLE audit;
ALTER TABLE new_audit RENAME TO audit;
CREATE INDEX audit_by_age ON audit (at);
CREATE INDEX audit_by_person ON audit (telegram_id, id) WHERE telegram_id IS NOT NULL;
CREATE UNIQUE INDEX audit_refused_codes ON audit (login_id, reason) WHERE event = 'code.refused';
