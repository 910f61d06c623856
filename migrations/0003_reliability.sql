-- Nothing that is pending is lost, and an operator sees what is going on.

-- The audit log: who did what, when and from where. It refers to nothing: it outlives what it tells of.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    event TEXT NOT NULL CHECK (event IN (
        'login.begun', 'login.refused', 'login.replaced', 'login.withdrawn', 'login.redeemed',
        'code.exchanged', 'code.refused', 'session.ended', 'person.joined', 'person.exported',
        'person.removed', 'person.banned', 'person.unbanned', 'address.limited', 'key.created',
        'keys.rotated'
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
CREATE INDEX audit_by_age ON audit (at);
CREATE INDEX audit_by_person ON audit (telegram_id, id) WHERE telegram_id IS NOT NULL;
-- Of one login's refused codes the first of each kind is kept, however often they are tried.
CREATE UNIQUE INDEX audit_refused_codes ON audit (login_id, reason) WHERE event = 'code.refused';
