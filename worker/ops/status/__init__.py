"""How the system stands: what broker and ledger say (`gather`) as one `Snapshot`, and what follows from it (`verdict`).

No worker is asked, so the answer is right with every worker dead.
"""
