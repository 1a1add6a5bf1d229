-- A decision reads the latest consent of each purpose and channel, not all that a customer ever said.
CREATE INDEX consent_latest ON consent (org, customer_id, purpose, channel, at_us, no);
DROP INDEX consent_customer;
