-- Documents that were read in the same instant go on in the order in which they were decided, too: one transaction has one
-- instant, and may park hundreds.
ALTER TABLE parked ADD COLUMN no bigint NOT NULL DEFAULT 0;
UPDATE parked p SET no = e.no FROM event e WHERE e.org = p.org AND e.type = p.type AND e.subject = p.subject;
DROP INDEX parked_ready;
CREATE INDEX parked_ready ON parked (received_us, no) WHERE ready;
