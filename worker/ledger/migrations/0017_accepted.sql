-- Documents that came in through a door and are not on the topic crm.accepted yet. A row goes once it is published there.
CREATE TABLE accepted (
    no       bigint NOT NULL,        -- batch << 12, as event.no
    key      bytea NOT NULL,         -- of the record
    document bytea                   -- its value; null: what the topic holds under this key is to be erased
);
CREATE INDEX accepted_batch ON accepted ((no >> 12));
CREATE INDEX accepted_erased ON accepted (no) WHERE document IS NULL;

-- The records of the topic that hold personal data, so that erasing the customer erases them too.
CREATE TABLE accepted_profile (
    org         integer NOT NULL,
    customer_id text COLLATE "C" NOT NULL,
    key         bytea NOT NULL,
    PRIMARY KEY (org, customer_id, key)
);
