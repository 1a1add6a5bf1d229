-- Partitions that a worker has halted, and what an operator has decided. The worker takes the row away when it goes on.
CREATE TABLE halted (
    since     timestamptz NOT NULL DEFAULT now(),
    partition integer NOT NULL,
    topic     text COLLATE "C" NOT NULL,
    kind      text NOT NULL CHECK (kind IN ('contradicts', 'gone', 'dead_letters')),
    why       text NOT NULL,
    decision  text CHECK (decision IN ('resume', 'skip')),
    PRIMARY KEY (topic, partition)
);
