-- What the ledger is for, and the newest versions that its rows use. Programs that don't fit are refused at their start.
CREATE TABLE guard (
    name  text PRIMARY KEY CHECK (name IN ('consumer_group', 'topics', 'encoder_version', 'digest_version')),
    value text NOT NULL,
    since timestamptz NOT NULL DEFAULT now()
);
