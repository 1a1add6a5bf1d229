"""The sample in the repository: what the demo shows must be in it."""

from collections import Counter
from pathlib import Path

import pytest

from examples.online_retail.documents import Converter
from examples.online_retail.invoices import read_file
from examples.online_retail.sample import SAMPLE, choose, main, write


def test_holds_every_kind_of_document() -> None:
    documents = list(Converter().convert(read_file(SAMPLE)))
    kinds = Counter(
        (document.type, "sale_id" in document.data, "customer_id" in document.data) for document in documents
    )
    assert kinds == {
        ("crm.customer.create", False, True): 104,
        ("scm.sale.completed", True, True): 220,
        ("scm.sale.completed", True, False): 17,
        ("scm.return.completed", True, True): 59,
        ("scm.return.completed", False, True): 20,
        ("scm.return.completed", False, False): 2,
    }
    assert any("gift_card" in line for document in documents for line in document.data.get("lines", ()))


def test_is_what_its_script_makes_again_from_itself(tmp_path: Path) -> None:
    target = tmp_path / "again.csv.gz"
    write(SAMPLE, choose(list(read_file(SAMPLE))), target)
    assert target.read_bytes() == SAMPLE.read_bytes()


def test_the_script_says_what_it_can_not_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert main([str(tmp_path / "none.csv")]) == 2
    assert capsys.readouterr().err == (
        f"usage: python -m examples.online_retail.sample INVOICES\n{tmp_path / 'none.csv'}: No such file or directory\n"
    )
