"""``python -m tests.benchmarks.speed.writer FROM TO HZ``: brings the frames of a folder into another at this rate.

Each is written under a hidden name and renamed, as detector servers do; then its name and the clock are printed.
"""

import sys
import time
from pathlib import Path


def main() -> None:
    """Bring them all."""
    source, target, rate_hz = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    begin = time.monotonic()
    for number, path in enumerate(sorted(source.glob("*.cbf"))):
        content = path.read_bytes()
        time.sleep(max(0.0, begin + number / rate_hz - time.monotonic()))
        hidden = target / f".{path.name}"
        hidden.write_bytes(content)
        hidden.rename(target / path.name)
        sys.stdout.write(f"{path.name} {time.time():.6f}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
