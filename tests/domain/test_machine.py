"""Hypothesis looks for documents in an order that breaks the books."""

from tests.domain.machine import Documents

TestDocuments = Documents.TestCase
