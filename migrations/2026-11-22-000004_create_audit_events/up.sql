-- What happened at the door, to be asked later. It outlives the people it is about, so it refers to no other table.
-- The id begins with the time, to the microsecond in hexadecimal: in its order, events are in theirs.
CREATE TABLE audit_events (
    id TEXT NOT NULL PRIMARY KEY,
    occurred_at TIMESTAMP NOT NULL,
    event TEXT NOT NULL,
    user_id TEXT,
    issuer TEXT,
    subject TEXT,
    reason TEXT,
    address TEXT,
    request_id TEXT
);

CREATE INDEX audit_events_user_id ON audit_events (user_id, id);
CREATE INDEX audit_events_subject ON audit_events (subject, id);
