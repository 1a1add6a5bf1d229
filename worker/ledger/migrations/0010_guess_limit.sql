-- How many more cards that are not accepted a key and a tenant may name: token buckets that all processes of the API
-- share. What a crash loses is no harm: the buckets are full again.
CREATE UNLOGGED TABLE guess_limit (
    tokens real NOT NULL,
    at     timestamptz NOT NULL,
    what   text COLLATE "C" NOT NULL,  -- key or tenant
    name   text COLLATE "C" NOT NULL,
    PRIMARY KEY (what, name)
);
