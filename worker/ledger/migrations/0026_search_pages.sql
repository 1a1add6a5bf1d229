-- A page of those who share an e-mail address or a phone number is a stretch of the index.
DROP INDEX customer_email;
DROP INDEX customer_phone;
CREATE INDEX customer_email ON customer (org, email_folded, account_id) WHERE email_folded IS NOT NULL;
CREATE INDEX customer_phone ON customer (org, phone_digits, account_id) WHERE phone_digits IS NOT NULL;
