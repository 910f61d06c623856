-- The store of a login, from the update that asks for it to the session that it begins.
-- Instants are milliseconds since 1970-01-01T00:00:00Z. The CHECKs repeat the enums of
-- src/tgauth/domain; a test compares them.

-- One row says which master key this file belongs to.
CREATE TABLE master_key (
    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    fingerprint TEXT NOT NULL
) STRICT;

-- Readiness writes here: only a write tells whether a write would succeed.
CREATE TABLE probes (
    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    number INTEGER NOT NULL
) STRICT;

CREATE TABLE persons (
    subject TEXT NOT NULL PRIMARY KEY,
    telegram_id INTEGER NOT NULL UNIQUE,
    first_name TEXT NOT NULL,
    last_name TEXT,
    username TEXT,
    language TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    subject TEXT NOT NULL REFERENCES persons (subject) ON DELETE CASCADE,
    client_id TEXT NOT NULL,
    secret_hash TEXT UNIQUE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
CREATE INDEX sessions_by_subject ON sessions (subject);

CREATE TABLE logins (
    id TEXT NOT NULL PRIMARY KEY,
    door TEXT NOT NULL CHECK (door IN ('chat')),
    client_id TEXT NOT NULL,
    subject TEXT REFERENCES persons (subject) ON DELETE CASCADE,
    state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'redeemed')),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    decided_at INTEGER,
    redeemed_at INTEGER,
    session_id TEXT REFERENCES sessions (id) ON DELETE SET NULL,
    browser TEXT,
    CHECK ((state = 'redeemed') = (redeemed_at IS NOT NULL)),
    CHECK (state IN ('pending', 'denied') OR subject IS NOT NULL)
) STRICT;
CREATE INDEX logins_by_subject ON logins (subject);
CREATE INDEX logins_by_session ON logins (session_id);

CREATE TABLE codes (
    hash TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('chat', 'callback', 'oidc')),
    client_id TEXT NOT NULL,
    login_id TEXT NOT NULL REFERENCES logins (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL,
    spent_at INTEGER
) STRICT;
CREATE INDEX codes_by_login ON codes (login_id);

-- Private keys are encrypted under the master key: this file alone signs nothing.
CREATE TABLE signing_keys (
    kid TEXT NOT NULL PRIMARY KEY,
    algorithm TEXT NOT NULL,
    public_jwk TEXT NOT NULL,
    private_jwe TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE inbox (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    update_id INTEGER NOT NULL,
    identity TEXT NOT NULL,
    payload TEXT,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'parked')),
    received_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    not_before INTEGER NOT NULL,
    UNIQUE (update_id, identity),
    CHECK ((state = 'done') = (payload IS NULL))
) STRICT;
CREATE INDEX inbox_waiting ON inbox (sequence) WHERE state = 'waiting';
CREATE INDEX inbox_by_age ON inbox (received_at);

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    chat_id INTEGER NOT NULL,
    notice TEXT NOT NULL CHECK (notice IN (
        'login_link', 'greeting', 'help', 'not_allowed', 'private_only', 'too_late', 'failed'
    )),
    login_id TEXT REFERENCES logins (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    not_before INTEGER NOT NULL,
    sent_at INTEGER,
    message_id INTEGER,
    given_up_at INTEGER,
    reason TEXT
) STRICT;
CREATE INDEX outbox_owed ON outbox (id, not_before)
WHERE sent_at IS NULL AND given_up_at IS NULL;
CREATE INDEX outbox_owed_by_chat ON outbox (chat_id, id)
WHERE sent_at IS NULL AND given_up_at IS NULL;
CREATE INDEX outbox_by_login ON outbox (login_id);
