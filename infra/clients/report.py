"""What was seen of each client, judged and laid out for people."""

from __future__ import annotations

from dataclasses import dataclass, field

from infra.clients.targets import Target
from infra.clients.tomorrow import CODE, FLAG, STATUS
from infra.stack.handle import Gateway

AMOUNTS = {"25 ETH + 1 wei": 25 * 10**18 + 1, "2^256-1": 2**256 - 1}
LATER = ("new field", "new status", "new flag", "new code")
COLUMNS = ("generates", "compiles", *AMOUNTS, *LATER)


@dataclass(slots=True)
class Row:
    """What was seen of one client: a word for each column, and what its failure printed."""

    target: Target
    cells: dict[str, str] = field(default_factory=dict)
    said: str = ""
    seconds: float = 0.0

    @property
    def right(self) -> bool:
        """Whether every cell is as it should be."""
        return all(self.cells.get(column, "").split()[:1] == ["yes"] for column in COLUMNS)


def amounts(gateway: Gateway, said: str) -> dict[str, str]:
    """Compare what a client sent, what it read twice, and what the gateway holds by a reader of our own."""
    lines = {words[1]: words[2:] for line in said.splitlines() if (words := line.split())[:1] == ["amount"]}
    cells = {}
    for name, amount in AMOUNTS.items():
        payment_id, *read = lines.get(str(amount), ["none"])
        exact = read == [str(amount)] * 2 and gateway.read(payment_id)["amount"] == amount
        cells[name] = "yes" if exact else f"no: {' '.join(read)}"
    return cells


def later(said: str) -> dict[str, str]:
    """Judge what a client printed of the answers of tomorrow."""
    lines = {words[0]: words[1:] for line in said.splitlines() if (words := line.split())}
    known = lines.get("field", [])
    return {
        "new field": f"yes ({known[0]})" if known in (["kept"], ["ignored"]) else "no",
        "new status": "yes" if lines.get("status") == lines.get("listed") == [STATUS] else "no",
        "new flag": "yes" if lines.get("flag") == [FLAG, FLAG] else "no",
        "new code": "yes" if lines.get("code") == [CODE] else "no",
    }


def table(rows: list[Row]) -> str:
    """Lay the rows out for people."""
    head = ["client", "generator", "from", *COLUMNS]
    lines = [head] + [
        [row.target.name, row.target.generator, row.target.description]
        + [row.cells.get(column, "-") for column in COLUMNS]
        for row in rows
    ]
    widths = [max(len(line[index]) for line in lines) for index in range(len(head))]
    text = "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return f"\n{text}\n\n{sum(row.right for row in rows)} of {len(rows)} clients are right\n"
