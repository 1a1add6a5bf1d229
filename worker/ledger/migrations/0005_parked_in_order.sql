-- What is ready is taken in the order in which it came, a batch at a time: from an index in that order.
DROP INDEX parked_ready;
CREATE INDEX parked_ready ON parked (received_us) WHERE ready;
