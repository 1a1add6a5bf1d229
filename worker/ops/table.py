"""Tables for a terminal."""

from collections.abc import Container, Iterable, Sequence


def table(rows: Iterable[Sequence[object]], words: Container[int] = ()) -> list[str]:
    """Return the lines of a table. Cells are two blanks apart and right-aligned; the columns `words` are
    left-aligned.
    """
    rows = list(rows)
    columns = max(map(len, rows), default=0)
    cells = [[str(cell) for cell in row] + [""] * (columns - len(row)) for row in rows]
    widths = [max(len(row[at]) for row in cells) for at in range(columns)]
    lines = []
    for row in cells:
        padded = [
            cell.ljust(width) if at in words else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(padded).rstrip())
    return lines
