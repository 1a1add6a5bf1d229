-- How often each worker tried again, by minute. Only a worker that had to writes, and the rows of a day are kept.
CREATE TABLE retried (
    minute  timestamptz NOT NULL,
    worker  bigint NOT NULL,
    retries integer NOT NULL,   -- actions repeated because Kafka or Postgres failed
    halves  integer NOT NULL,   -- batches divided because they failed
    PRIMARY KEY (minute, worker)
);
