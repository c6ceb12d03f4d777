"""The same frames from a stream and from a folder give the same trace, at full speed and by the real command."""

import csv
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from latticewatch.processing.formats.decode import read_image
from latticewatch.processing.simulation.scan import write_scan
from tests.sources.streams import areadetector, dectris_sender

LONG = bool(os.environ.get("LATTICEWATCH_LONG"))
FRAMES = 500 if LONG else 40
OWN = ("file", "file_mtime_s", "recorded_s")


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("streamed") / "scan"
    write_scan("iodide", folder, frames=FRAMES, seed=3, detector="pilatus300k")
    return folder


def trace(latticewatch, run: str) -> list[dict[str, str]]:
    assert latticewatch("export", run, "--trace", f"{run}.csv").status == 0
    with Path(f"{run}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    return [{key: value for key, value in row.items() if key not in OWN} for row in rows]


def images(scan: Path):
    return [read_image(path) for path in sorted(scan.glob("*.cbf"))]


def test_dectris(latticewatch, scan: Path) -> None:
    def send(sender: dectris_sender.Sender) -> None:
        sender.send(dectris_sender.start(images=FRAMES, saturation_value=1_048_574))
        for number, image in enumerate(images(scan)):
            sender.send(
                dectris_sender.image(
                    number,
                    np.asarray(image.counts),
                    began=datetime.fromtimestamp(first, UTC),
                    start_time=[round((image.stamp_s - first) * 1000), 1000],
                    user_data={"Flux": image.header["Flux"]},
                )
            )
        sender.send(dectris_sender.end())

    first = read_image(min(scan.glob("*.cbf"))).stamp_s
    with dectris_sender.sending() as sender:
        thread = threading.Thread(target=send, args=(sender,))
        thread.start()
        inputs = ("--geometry", scan / "geometry.poni", "--experiment", scan / "experiment.toml")
        said = latticewatch("watch", sender.address, "--headless", *inputs, "--out", "stream.h5")
        thread.join()
    assert said.status == 0, said.err
    assert latticewatch("process", scan, "--out", "folder.h5").status == 0
    streamed, read = trace(latticewatch, "stream.h5"), trace(latticewatch, "folder.h5")
    assert len(streamed) == FRAMES
    assert streamed == read


def test_areadetector(latticewatch, scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = images(scan)
    started = areadetector.soon(0.0)
    done = threading.Event()

    def send(server: areadetector.AreaDetector) -> None:
        number = 0
        while not done.wait(0.02):
            if number < FRAMES and server.pv.isOpen() and watched(server):
                image = pictures[number]
                stamp_s = started + image.stamp_s - pictures[0].stamp_s
                attributes = {"Flux": image.header["Flux"], "count_cutoff": 1_048_574}
                server.post(areadetector.update(np.asarray(image.counts), number + 1, stamp_s, **attributes))
                number += 1

    def watched(server: areadetector.AreaDetector) -> bool:
        return bool(server.handler.watched.is_set())

    with areadetector.serving(monkeypatch) as server:
        thread = threading.Thread(target=send, args=(server,))
        thread.start()
        inputs = ("--geometry", scan / "geometry.poni", "--experiment", scan / "experiment.toml")
        limit = ("--frames", FRAMES)
        said = latticewatch("watch", f"pva://{areadetector.NAME}", "--headless", *inputs, *limit, "--out", "stream.h5")
        done.set()
        thread.join()
    assert said.status == 0, said.err
    assert latticewatch("process", scan, "--out", "folder.h5").status == 0
    streamed, read = trace(latticewatch, "stream.h5"), trace(latticewatch, "folder.h5")
    assert len(streamed) == FRAMES
    assert [{**row, "time_s": ""} for row in streamed] == [{**row, "time_s": ""} for row in read]
    times = [[float(row["time_s"]) for row in rows] for rows in (streamed, read)]
    assert np.allclose(times[0], times[1], atol=2e-6)


def test_what_the_stream_lost_is_filled_from_the_folder(latticewatch, scan: Path) -> None:
    lost, many = {3, 4, 9}, 12
    pictures = images(scan)[:many]
    folder = Path("written")
    folder.mkdir()

    def send(sender: dectris_sender.Sender) -> None:
        sender.send(dectris_sender.start(images=many))
        for number, (image, path) in enumerate(zip(pictures, sorted(scan.glob("*.cbf")), strict=False)):
            if number not in lost:
                sender.send(dectris_sender.image(number, np.asarray(image.counts)))
            (folder / f".{path.name}").write_bytes(path.read_bytes())
            (folder / f".{path.name}").rename(folder / path.name)
        sender.send(dectris_sender.end())

    with dectris_sender.sending() as sender:
        thread = threading.Thread(target=send, args=(sender,))
        thread.start()
        inputs = ("--geometry", scan / "geometry.poni", "--experiment", scan / "experiment.toml")
        both = ("watch", folder, "--stream", sender.address, "--headless")
        said = latticewatch(*both, *inputs, "--until-idle", 20, "--out", "both.h5")
        thread.join()
    assert said.status == 0, said.err
    rows = trace(latticewatch, "both.h5")
    assert [row["frame"] for row in rows] == [str(number) for number in range(many)]
    assert not any(row["reason"].startswith("unreadable") for row in rows)
