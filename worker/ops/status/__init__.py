"""The state of the system: the answers of broker and ledger (`gather`) as one `Snapshot`, and a `verdict` on it.

It asks no worker, so the answer is right even if every worker is dead.
"""
