"""A recorded scan whose frames give no number at all is an error, and the run file is kept."""

import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.record.run_file.reader import read_run
from tests.app.conftest import Said

Command = Callable[..., Said]


def test_a_scan_of_gaps_ends_with_3_and_the_most_frequent_reason(
    latticewatch: Command, scan: Path, tmp_path: Path
) -> None:
    copy, run = tmp_path / "copy", tmp_path / "run.h5"
    shutil.copytree(scan, copy)
    text = (copy / "experiment.toml").read_text()
    # No line of these cells lies on the detector's powder rings.
    (copy / "experiment.toml").write_text(text.replace("5.842", "9.3").replace("6.205", "9.9"))
    said = latticewatch("process", copy, "--out", run)
    with read_run(run) as recorded:
        reasons = [row.fit.reason for row in recorded.traced if isinstance(row.fit, NoResult)]
    assert len(reasons) == 12
    assert said.status == 3, said.err
    # Reasons that differ by a number only are one.
    alike, number = Counter(re.sub(r"[0-9.]+", "#", reason) for reason in reasons).most_common(1)[0]
    assert set(reasons[:4]) == {"no peaks"}
    assert all(reason.startswith("fit refused: ") for reason in reasons[4:]), reasons
    assert number >= len(reasons) / 3
    told = next(reason for reason in reasons if re.sub(r"[0-9.]+", "#", reason) == alike)
    assert f"no frame gave a number; {number} of 12: {told}" in said.complaint
