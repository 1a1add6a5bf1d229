"""The scopes of API keys. They are apart from the operations, so that code that only names scopes loads no models."""

from enum import StrEnum


class Scope(StrEnum):
    """A right that an API key can have."""

    CUSTOMER_READ = "customer:read"
    CUSTOMER_WRITE = "customer:write"
    LOYALTY_READ = "loyalty:read"
    LOYALTY_WRITE = "loyalty:write"
    LOYALTY_ADJUST = "loyalty:adjust"
    GIFTCARD_READ = "giftcard:read"
    GIFTCARD_WRITE = "giftcard:write"
    CARD_TRUSTED = "card:trusted"  # a card_id replaces a PIN; cards may be listed and replaced
    BULK = "bulk"  # belongs to no operation: a higher rate of requests, for imports
    SALE_WRITE = "sale:write"
    TENDER = "tender"
    POLICY_WRITE = "policy:write"
    OPS = "ops"
