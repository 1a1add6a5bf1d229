-- Who may ask the HTTP API. Of a secret only its digest is here. A session does what its key may do, or less, for a
-- while; it ends with its key.

CREATE TABLE api_key (
    org        integer NOT NULL,
    id         text COLLATE "C" NOT NULL,
    digest     bytea NOT NULL,
    name       text NOT NULL,
    scopes     text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    PRIMARY KEY (org, id),
    UNIQUE (org, digest)
);

CREATE TABLE session (
    org        integer NOT NULL,
    id         text COLLATE "C" NOT NULL,
    digest     bytea NOT NULL,
    api_key    text COLLATE "C" NOT NULL,
    scopes     text[] NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (org, id),
    UNIQUE (org, digest)
);
CREATE INDEX session_expires ON session (org, expires_at);
