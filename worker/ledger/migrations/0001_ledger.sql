-- The ledger. Every key begins with the tenant (org). Rows are narrow: what only the decisions read is packed
-- (MessagePack, worker/ledger/pack.py), what operators and auditors ask for stands in columns.

CREATE TABLE org (
    id   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text COLLATE "C" NOT NULL UNIQUE
);

-- Journal: a row a batch. published_at is null until every outcome of the batch was acknowledged by Kafka.
CREATE TABLE batch (
    no           bigint PRIMARY KEY,
    worker       bigint NOT NULL,
    decided_at   timestamptz NOT NULL,
    documents    integer NOT NULL,
    published_at timestamptz
);
CREATE INDEX batch_unpublished ON batch (no) WHERE published_at IS NULL;
CREATE SEQUENCE batch_no;

-- Inbox, outbox and sale in one row. digest is null in the stub of a sale that somebody waits for, and in its
-- tombstone. no = batch << 12 | place in the batch of the latest outcome.
CREATE TABLE event (
    no      bigint NOT NULL,
    org     integer NOT NULL,
    type    smallint NOT NULL,
    status  smallint NOT NULL,
    subject text COLLATE "C" NOT NULL,
    digest  bytea,
    facts   bytea,
    record  bytea,
    PRIMARY KEY (org, type, subject)
) WITH (fillfactor = 95);
CREATE INDEX event_no ON event USING brin (no) WITH (pages_per_range = 64, autosummarize = on);

CREATE TABLE account (
    id       bigint NOT NULL,
    balance  bigint NOT NULL,
    held     bigint NOT NULL,
    deficit  bigint NOT NULL,
    version  bigint NOT NULL,
    last_no  bigint,              -- transfer.no of the latest
    org      integer NOT NULL,
    kind     smallint NOT NULL,   -- 0 points, 1 gift card, 2 pool
    standing smallint NOT NULL,   -- 0 unclaimed, 1 active, 2 frozen, 3 closed
    key      text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    lots     bytea,
    earned   bytea,
    extra    bytea,
    owner    text COLLATE "C",    -- a card's customer; the customer or pool that the points went over to
    PRIMARY KEY (org, kind, key),
    UNIQUE (id)
) WITH (fillfactor = 70);
CREATE INDEX account_owner ON account (org, owner) WHERE owner IS NOT NULL;
CREATE SEQUENCE account_id MINVALUE 1;

-- Append-only double entry: amount left debit and came to credit. Negative ids are contra accounts (view contra).
-- No index over accounts: one entry in it would cost a sale more than its transfer does. Each transfer says by whose
-- document the account before it was moved, so a history is a chain: from account.last_no to debit_before or
-- credit_before, and on. A contra account has no row, and no chain.
CREATE TABLE transfer (
    no            bigint NOT NULL,
    debit         bigint NOT NULL,
    credit        bigint NOT NULL,
    amount        bigint NOT NULL CHECK (amount > 0),
    debit_before  bigint,
    credit_before bigint,
    org           integer NOT NULL
);
-- What a link names is found by its number: wide ranges cost little to search through where there are a hundred million.
CREATE INDEX transfer_no ON transfer USING brin (no) WITH (pages_per_range = 64, autosummarize = on);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the ledger is append-only: % of % refused', TG_OP, TG_TABLE_NAME; END $$;
CREATE TRIGGER transfer_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transfer
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE tender (
    requested_minor bigint NOT NULL,
    approved_minor  bigint NOT NULL,
    captured_minor  bigint NOT NULL,
    refunded_minor  bigint NOT NULL,
    org             integer NOT NULL,
    state           smallint NOT NULL,   -- 0 none, 1 awaiting, 2 authorized, 3 captured, 4 expired, 5 declined, 6 voided
    kind            text COLLATE "C" NOT NULL,
    id              text COLLATE "C" NOT NULL,
    sale_id         text COLLATE "C" NOT NULL,
    extra           bytea NOT NULL,
    PRIMARY KEY (org, id),
    CHECK (captured_minor <= approved_minor AND approved_minor <= requested_minor AND refunded_minor <= captured_minor)
) WITH (fillfactor = 70);

CREATE TABLE card_number (
    org     integer NOT NULL,
    token   bytea NOT NULL,
    card_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (org, token)
);

-- Documents that wait for a sale or a tender; ready: what they waited for has come.
CREATE TABLE parked (
    received_us bigint NOT NULL,
    record_us   bigint NOT NULL,
    due_us      bigint NOT NULL,
    woken_no    bigint,                      -- event.no of the document that ended the wait
    org         integer NOT NULL,
    type        smallint NOT NULL,
    ready       boolean NOT NULL,
    subject     text COLLATE "C" NOT NULL,
    waits_for   text COLLATE "C" NOT NULL,   -- sale or tender
    waits_key   text COLLATE "C" NOT NULL,
    sale_id     text COLLATE "C" NOT NULL,   -- that it is about, whose void ends the wait; empty: none
    document    bytea NOT NULL,
    PRIMARY KEY (org, type, subject)
);
CREATE INDEX parked_waits ON parked (org, waits_for, waits_key);
CREATE INDEX parked_sale ON parked (org, sale_id) WHERE sale_id <> '';
CREATE INDEX parked_ready ON parked (org) WHERE ready;
CREATE INDEX parked_due ON parked (due_us);

-- Deadlines that run on their own; not before not_before_us, so that a back-dated document's companions can arrive.
CREATE TABLE timer (
    due_us        bigint NOT NULL,
    not_before_us bigint NOT NULL,
    org           integer NOT NULL,
    kind          text COLLATE "C" NOT NULL,
    key           text COLLATE "C" NOT NULL,
    PRIMARY KEY (org, kind, key)
);
CREATE INDEX timer_due ON timer (due_us);

-- Personal data, and nothing but here. An erased customer keeps the row, emptied.
CREATE TABLE customer (
    org          integer NOT NULL,
    account_id   bigint NOT NULL,
    name         text,
    email        text,
    phone        text,
    external_ids jsonb,
    erased_at    timestamptz,
    PRIMARY KEY (org, account_id)
);
CREATE INDEX customer_email ON customer (org, lower(email COLLATE "C")) WHERE email IS NOT NULL;
CREATE INDEX customer_phone ON customer (org, phone COLLATE "C") WHERE phone IS NOT NULL;
CREATE INDEX customer_external_ids ON customer USING gin (external_ids jsonb_path_ops) WHERE external_ids IS NOT NULL;

CREATE TABLE consent (
    at_us       bigint NOT NULL,
    no          bigint NOT NULL,
    org         integer NOT NULL,
    granted     boolean NOT NULL,
    customer_id text COLLATE "C" NOT NULL,
    purpose     text COLLATE "C" NOT NULL,
    channel     text COLLATE "C" NOT NULL
);
CREATE INDEX consent_customer ON consent (org, customer_id);

CREATE TABLE policy (
    org          integer NOT NULL,
    version      integer NOT NULL,
    effective_us bigint NOT NULL,
    policy       text NOT NULL,
    PRIMARY KEY (org, version)
);

-- Up to which instant each input partition has been read: a hold expires only past it.
CREATE TABLE watermark (
    topic      text COLLATE "C" NOT NULL,
    partition  integer NOT NULL,
    read_us    bigint NOT NULL,
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

CREATE VIEW contra (id, name) AS VALUES
    (-1, 'earned'), (-2, 'redeemed'), (-3, 'adjusted'), (-4, 'expired'), (-5, 'forfeited'), (-6, 'shortfall'),
    (-7, 'issued'), (-8, 'sold'), (-9, 'spent'), (-10, 'refunded');

-- The book as double entries: two rows a transfer, signed.
CREATE VIEW entry AS
    SELECT no, org, debit AS account_id, -amount AS amount FROM transfer
    UNION ALL
    SELECT no, org, credit, amount FROM transfer;

-- Accounts whose balance is not the sum of their entries: none, or the book is broken.
CREATE VIEW imbalance AS
    SELECT a.org, a.id, a.kind, a.key, a.balance, coalesce(e.amount, 0) AS booked
    FROM account a
    LEFT JOIN (SELECT account_id, sum(amount) AS amount FROM entry WHERE account_id > 0 GROUP BY account_id) e
        ON e.account_id = a.id
    WHERE a.balance <> coalesce(e.amount, 0);
