-- The card keys that rows were made with, as fingerprints: a program that was given another key is refused.
CREATE TABLE card_key (
    fingerprint bytea PRIMARY KEY,
    since       timestamptz NOT NULL DEFAULT now()
);
