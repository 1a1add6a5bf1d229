"""Customers: one with all that is known, and the list."""

from schemas.views import CustomerGet, CustomerList, CustomerPage, CustomerView
from worker.views.desk import Desk


async def get(desk: Desk, orgcode: str, request: CustomerGet) -> CustomerView:
    raise NotImplementedError


async def page(desk: Desk, orgcode: str, request: CustomerList) -> CustomerPage:
    raise NotImplementedError
