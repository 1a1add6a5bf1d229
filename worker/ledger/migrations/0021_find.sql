-- Customers are found by name, e-mail and phone in a folded form (worker/stored/folded.py), gift cards by the last four
-- characters of their number. `g3n worker setup` folds the profiles that are there (worker/ledger/unfolded.py).
ALTER TABLE customer
    ADD COLUMN name_folded  text COLLATE "C",   -- words in lower case, without accents, a space between
    ADD COLUMN email_folded text COLLATE "C",
    ADD COLUMN phone_digits text COLLATE "C";
DROP INDEX customer_email;
DROP INDEX customer_phone;
CREATE INDEX customer_email ON customer (org, email_folded) WHERE email_folded IS NOT NULL;
CREATE INDEX customer_phone ON customer (org, phone_digits) WHERE phone_digits IS NOT NULL;
-- Empty once all are folded.
CREATE INDEX customer_unfolded ON customer (org, account_id)
    WHERE (name IS NOT NULL AND name_folded IS NULL) OR (email IS NOT NULL AND email_folded IS NULL)
        OR (phone IS NOT NULL AND phone_digits IS NULL);

-- A customer's folded name once for each of its words, begun at that word: a name is found by how any of its words begins.
CREATE TABLE customer_name (
    org        integer NOT NULL,
    name       text COLLATE "C" NOT NULL,
    account_id bigint NOT NULL,
    PRIMARY KEY (org, name, account_id)
);

CREATE FUNCTION rotated(folded text) RETURNS SETOF text LANGUAGE sql IMMUTABLE AS $$
    SELECT DISTINCT array_to_string(words[n:] || words[:n - 1], ' ')
    FROM (SELECT string_to_array(folded, ' ') AS words) w, generate_subscripts(w.words, 1) n
$$;
-- The rows of customer_name follow name_folded, whoever writes it: so no erasure can forget them.
CREATE FUNCTION follow_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        DELETE FROM customer_name
        WHERE org = OLD.org AND account_id = OLD.account_id AND name = ANY (ARRAY(SELECT rotated(OLD.name_folded)));
    END IF;
    INSERT INTO customer_name (org, name, account_id)
    SELECT NEW.org, name, NEW.account_id FROM rotated(NEW.name_folded) AS name;
    RETURN NULL;
END $$;
CREATE TRIGGER customer_named AFTER INSERT ON customer
    FOR EACH ROW WHEN (NEW.name_folded IS NOT NULL) EXECUTE FUNCTION follow_name();
CREATE TRIGGER customer_renamed AFTER UPDATE ON customer
    FOR EACH ROW WHEN (NEW.name_folded IS DISTINCT FROM OLD.name_folded) EXECUTE FUNCTION follow_name();
-- An erasure empties the folded copies, too, even one by a program that does not know of them.
CREATE FUNCTION empty_folded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.name_folded := NULL;
    NEW.email_folded := NULL;
    NEW.phone_digits := NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER customer_erased BEFORE UPDATE ON customer
    FOR EACH ROW WHEN (NEW.erased_at IS NOT NULL) EXECUTE FUNCTION empty_folded();

-- `account.extra` of a card is MessagePack: an array, and first in it the card, an array of five (0x95) that begins with
-- the last four as a text of four (0xa4).
ALTER TABLE card_number ADD COLUMN last4 text COLLATE "C";
UPDATE card_number n
SET last4 = upper(convert_from(substr(a.extra, 4, 4), 'UTF8'))
FROM account a
WHERE a.org = n.org AND a.kind = 1 AND a.key = n.card_id AND substr(a.extra, 2, 2) = '\x95a4';
CREATE INDEX card_number_last4 ON card_number (org, last4, card_id);
