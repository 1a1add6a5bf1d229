"""Rules that several decisions share: earning, holds, loads of cards, consents, parts of outcomes."""
