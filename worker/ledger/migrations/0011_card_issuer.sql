-- Which API key issued a card whose number was generated: only that key gets the number again (contract §2.3).
CREATE TABLE card_issuer (
    orgcode    text COLLATE "C" NOT NULL,
    command_id text COLLATE "C" NOT NULL,
    api_key    text COLLATE "C" NOT NULL,  -- empty: not known, the card is older than this table
    PRIMARY KEY (orgcode, command_id)
);
