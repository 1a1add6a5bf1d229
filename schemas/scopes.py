"""What a key of the API may do. Apart from the operations, so that who only names scopes loads no document."""

from enum import StrEnum


class Scope(StrEnum):
    """What an API key may be allowed to do."""

    CUSTOMER_READ = "customer:read"
    CUSTOMER_WRITE = "customer:write"
    LOYALTY_READ = "loyalty:read"
    LOYALTY_WRITE = "loyalty:write"
    LOYALTY_ADJUST = "loyalty:adjust"
    GIFTCARD_READ = "giftcard:read"
    GIFTCARD_WRITE = "giftcard:write"
    CARD_TRUSTED = "card:trusted"  # a card_id does for a PIN; cards may be listed and replaced
    BULK = "bulk"  # no operation's own: a higher rate of requests, for imports
    SALE_WRITE = "sale:write"
    TENDER = "tender"
    POLICY_WRITE = "policy:write"
    OPS = "ops"
