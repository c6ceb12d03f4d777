"""Everything that was seen is accounted for: recorded, a gap, or still waiting when the run ended."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from latticewatch.processing.files import guarded_hdf5 as untrusted
from latticewatch.processing.files.frame_names import missing_numbers


@dataclass(frozen=True, slots=True)
class Account:
    """seen = recorded + gaps + waiting. recorded: frames with a lattice parameter; gaps: without one, with a reason.

    waiting: seen and not processed when the run ended. missing_numbers: in the series, never seen. filled: gaps of
    once. left_out: files that are no frames by name or pattern. None: not known, the run was not ended in order.
    """

    seen: int
    recorded: int
    gaps: int
    waiting: int | None
    missing_numbers: int
    filled: int
    left_out: int | None


def account_of(
    names: Sequence[str], statuses: Sequence[str], filled: int, waiting: int | None, left_out: int | None
) -> Account:
    gaps = sum(status == "gap" for status in statuses)
    seen = len(names) + (waiting or 0)
    return Account(seen, len(names) - gaps, gaps, waiting, missing_numbers(names), filled, left_out)


def write_account(entry: Any, waiting: int, left_out: int) -> None:
    """Keep the account of this run, replacing an earlier one: whole numbers under ``account``."""
    names, statuses = (entry[f"trace/{name}"].asstr()[:] for name in ("file", "status"))
    filled = len(entry["fills/frame"]) if "fills" in entry else 0
    if "account" in entry:
        del entry["account"]
    group = entry.create_group("account")
    group.attrs["NX_class"] = "NXcollection"
    for name, value in asdict(account_of(names, statuses, filled, waiting, left_out)).items():
        group[name] = value


def read_account(file: Any, where: str, names: Sequence[str], statuses: Sequence[str], filled: int) -> Account:
    """The account of the rows that are there, with what was kept at the end of the run. Raises UserError."""
    known = {name: _kept(file, name, where) for name in ("waiting", "left_out")}
    return account_of(names, statuses, filled, known["waiting"], known["left_out"])


def _kept(file: Any, name: str, where: str) -> int | None:
    path = f"entry/account/{name}"
    if "account" not in file["entry"] or name not in file["entry/account"]:
        return None
    found = untrusted.dataset(file, path, where)
    return int(found[()]) if found.shape == () and found.dtype.kind in "iu" else None
