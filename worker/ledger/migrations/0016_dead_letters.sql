-- The inbox of dead letters. What they have in common is a group; its sample is the value of its first letter, masked.
CREATE TABLE dead_letter_group (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reason  text COLLATE "C" NOT NULL,
    path    text COLLATE "C" NOT NULL,   -- where in the document, as lines[].net_minor; empty: not known
    type    text COLLATE "C" NOT NULL,   -- empty: could not be read
    orgcode text COLLATE "C" NOT NULL,   -- empty: could not be read
    detail  text NOT NULL,
    sample  bytea,
    UNIQUE (reason, path, type, orgcode)
);

-- A letter is its source position: the same again is another attempt. The original stays in its topic, and nowhere else.
CREATE TABLE dead_letter (
    "offset"  bigint NOT NULL,
    record_ms bigint NOT NULL,            -- the record's timestamp: retention counts from it
    group_id  bigint NOT NULL,
    first_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    closed_at timestamptz,
    partition integer NOT NULL,
    attempts  integer NOT NULL DEFAULT 1,
    redrive   bigint,                     -- the latest operation that tried it again
    state     text COLLATE "C" NOT NULL CHECK (state IN ('open', 'resolved', 'discarded')),
    topic     text COLLATE "C" NOT NULL,
    subject   text COLLATE "C" NOT NULL,  -- *** where it may be a secret; empty: could not be read
    version   text COLLATE "C" NOT NULL,  -- of the program that refused it last
    detail    text NOT NULL,
    identity  bytea,                      -- HMAC of orgcode, type and subject; null: not known, or a conflict
    PRIMARY KEY (topic, partition, "offset")
);
CREATE INDEX dead_letter_open ON dead_letter (group_id, topic, record_ms, first_at, last_at) WHERE state = 'open';
CREATE INDEX dead_letter_group_id ON dead_letter (group_id);
CREATE INDEX dead_letter_identity ON dead_letter (identity) WHERE state = 'open' AND identity IS NOT NULL;
