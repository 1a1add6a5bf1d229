"""The numbers of generated gift cards are shown once, so none may be lost, mixed up or read by others."""

import csv
import stat

from tests.terminal.files import CARDS, a_file, of
from tests.terminal.server import Asked, Reply, ok
from tests.terminal.shell import Shell


def issued(asked: Asked) -> Reply:
    card = {"card_id": f"gc-{of(asked)}"}
    return ok({"status": "applied", "number": f"60064900{of(asked):08}", "gift_cards": [card]})


def test_generated_numbers_are_kept_for_the_owner_only(shell: Shell) -> None:
    shell.api.answer = issued
    file = a_file(shell, CARDS + "6006490000000017,100,GBP,4711\n,200,GBP,\n,300,EUR,\n", "cards.csv")
    nowhere = shell.crm("giftcard", "import", str(file))
    assert (nowhere.code, shell.api.asked) == (2, [])
    assert "say with --out where the generated ones go" in nowhere.err
    done = shell.crm("giftcard", "import", str(file), "--out", "numbers.csv", "--concurrency", "1")
    assert (done.code, done.out) == (0, "")
    assert "60064900" not in done.err
    out = shell.folder / "numbers.csv"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert out.read_text().splitlines() == [
        "row,number,card_id,amount_minor,currency",
        "3,6006490000000003,gc-3,200,GBP",
        "4,6006490000000004,gc-4,300,EUR",
    ]
    assert all("60064900" not in (shell.folder / name).read_text() for name in ("cards.csv.state.jsonl",))


def numbers(shell: Shell, name: str = "numbers.csv") -> dict[int, str]:
    with (shell.folder / name).open(newline="") as file:
        return {int(line["row"]): line["number"] for line in csv.DictReader(file)}


def test_no_number_is_lost(shell: Shell) -> None:
    """Cut off anywhere, it goes on, and ends with every number once."""
    shell.api.answer = issued
    file = a_file(shell, "amount_minor,currency\n" + "5,GBP\n" * 3, "cards.csv")
    words = ("giftcard", "import", str(file), "--out", "numbers.csv", "--concurrency", "1")
    assert shell.crm(*words).code == 0
    whole = {row: f"60064900{row:08}" for row in (2, 3, 4)}
    assert numbers(shell) == whole
    state, out = shell.folder / "cards.csv.state.jsonl", shell.folder / "numbers.csv"
    states, outs = state.read_bytes().splitlines(keepends=True), out.read_bytes().splitlines(keepends=True)
    for done, written, torn in [(0, 0, b""), (0, 1, b""), (1, 1, b""), (1, 2, b""), (2, 2, b"4,60"), (3, 1, b"")]:
        state.write_bytes(b"".join(states[: 1 + done]) + b'{"ro'[: len(torn)])
        out.write_bytes(b"".join(outs[: 1 + written]) + torn)
        again = shell.crm(*words)
        assert again.code == 0, again.err
        assert numbers(shell) == whole, (done, written)
        assert len(out.read_text().splitlines()) == 4


def test_numbers_of_two_imports_do_not_mix(shell: Shell) -> None:
    shell.api.answer = issued
    for name, rows in (("a.csv", 3), ("b.csv", 2), ("c.csv", 1)):
        a_file(shell, "amount_minor,currency\n" + "5,GBP\n" * rows, name)
    assert shell.crm("giftcard", "import", "a.csv", "--out", "a-numbers.csv").code == 0
    mixed = shell.crm("giftcard", "import", "b.csv", "--out", "a-numbers.csv")
    assert mixed.code == 2
    assert "a-numbers.csv holds another import's numbers: name another file with --out" in mixed.err
    assert len(shell.api.asked) == 3
    assert shell.crm("giftcard", "import", "b.csv", "--out", "b-numbers.csv").code == 2  # the state says where they go
    (shell.folder / "b.csv.state.jsonl").unlink()
    assert shell.crm("giftcard", "import", "b.csv", "--out", "b-numbers.csv").code == 0
    assert numbers(shell, "b-numbers.csv").keys() == {2, 3}
    moved = shell.crm("giftcard", "import", "a.csv", "--out", "other.csv")
    assert moved.code == 2
    assert f"the numbers of the 3 row(s) done are in {shell.folder}/a-numbers.csv: name it with --out" in moved.err
    # One row alone can't be told from the one that a crash leaves without its state; its number can.
    (shell.folder / "one.csv").write_text("row,number,card_id,amount_minor,currency\n2,9999,gc-9,5,GBP\n")
    one = shell.crm("giftcard", "import", "c.csv", "--out", "one.csv")
    assert one.code == 1
    assert "holds another import's numbers" in one.err
    (shell.folder / "list.csv").write_text("Buy milk\n")
    no_numbers = shell.crm("giftcard", "import", "b.csv", "--out", "list.csv", "--state", "b2.jsonl")
    assert no_numbers.code == 2
    assert "list.csv is there already, and holds no numbers" in no_numbers.err
    assert (shell.folder / "list.csv").read_text() == "Buy milk\n"
