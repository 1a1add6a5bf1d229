"""Decode records to documents, or to dead letters, and encode outcomes. Only this package sees card numbers and PINs in
plain text.
"""

from worker.codec.decode import Decoder, is_binary
from worker.codec.document import Document, Record, Undecodable
from worker.codec.encode import ENCODER_VERSION, DocumentOutcome, Message, Outlet
from worker.codec.keyring import Keyring
from worker.codec.unreadable import Unreadable

__all__ = [
    "ENCODER_VERSION",
    "Decoder",
    "Document",
    "DocumentOutcome",
    "Keyring",
    "Message",
    "Outlet",
    "Record",
    "Undecodable",
    "Unreadable",
    "is_binary",
]
