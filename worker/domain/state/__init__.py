"""The data that decisions read and change: accounts, sales, tenders, and the books that hold them."""
