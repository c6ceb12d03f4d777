"""What detectors, file servers and people do to files; each function writes one frame, or what stands for it."""

import contextlib
import os
import random
import re
import shutil
import socket
import time
from pathlib import Path

from tests.faults.player import Player, beside, for_ever, left_open, transient, write_plainly


@transient
def cut_then_whole(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(content[: len(content) // 3])
    player.pause()
    path.write_bytes(content)


@transient
def whole_after_it_was_given_up(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(content[: len(content) // 2])
    player.at_last.append(lambda: write_plainly(player, number, path, content))


@transient
def written_in_pieces(player: Player, number: int, path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        for start in range(0, len(content), len(content) // 5):
            file.write(content[start : start + len(content) // 5])
            file.flush()
            player.pause()


@transient
def preallocated(player: Player, number: int, path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.truncate(len(content))
        file.flush()
        player.pause()
        file.seek(0)
        file.write(content[: len(content) // 2])
        file.flush()
        player.pause()
        file.write(content[len(content) // 2 :])


@transient
def created_empty(player: Player, number: int, path: Path, content: bytes) -> None:
    path.touch()
    player.later.append(lambda: write_plainly(player, number, path, content))


@transient
def renamed_into_place(player: Player, number: int, path: Path, content: bytes) -> None:
    hidden = path.with_name(f".{path.name}.Xd93kf")
    hidden.write_bytes(content)
    player.pause()
    hidden.rename(path)


@transient
def linked_into_place(player: Player, number: int, path: Path, content: bytes) -> None:
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.write_bytes(content)
    path.hardlink_to(temporary)
    temporary.unlink()


@transient
def comes_late(player: Player, number: int, path: Path, content: bytes) -> None:
    player.later.append(lambda: write_plainly(player, number, path, content))


@transient
def without_permission_at_first(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0)
    player.later.append(lambda: path.chmod(0o644))


@transient
def written_twice(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    player.later.append(lambda: write_plainly(player, number, path, content))


@transient
def replaced_by_itself(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    copy = path.with_name(f".{path.name}.copy")
    copy.write_bytes(content)
    player.later.append(lambda: copy.replace(path) and None)


@transient
def touched(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    player.later.append(lambda: os.utime(path))


@transient
def garbage_at_first(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(b"\xffgarbage" * 100)
    player.later.append(lambda: write_plainly(player, number, path, content))


@transient
def clock_of_the_server_is_wrong(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    os.utime(path, (1e9, 1e9) if number % 2 else (4e9, 4e9))


@for_ever
def cut(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(content[: len(content) // 3])


@for_ever
def grows_and_is_never_whole(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(content[:200])
    player.growing.append((path, content[200 : len(content) // 3]))


@for_ever
def cut_within_the_header(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(content[:300])


@for_ever
def empty(player: Player, number: int, path: Path, content: bytes) -> None:
    path.touch()


@for_ever
def zeros(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(bytes(len(content)))


@for_ever
def garbage(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(random.Random(number).randbytes(len(content)))


@for_ever
def text(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_text("<html><b>404</b> not found</html>")


@for_ever
def a_pipe(player: Player, number: int, path: Path, content: bytes) -> None:
    os.mkfifo(path)


@for_ever
def a_link_out(player: Player, number: int, path: Path, content: bytes) -> None:
    path.symlink_to("/dev/zero")


@for_ever
def a_link_in_circles(player: Player, number: int, path: Path, content: bytes) -> None:
    path.symlink_to(path.name)


@for_ever
def a_dead_link(player: Player, number: int, path: Path, content: bytes) -> None:
    path.symlink_to("nowhere.cbf")


@for_ever
def enormous_hole(player: Player, number: int, path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.truncate(64 << 30)


@for_ever
def lying_header(player: Player, number: int, path: Path, content: bytes) -> None:
    lying = re.sub(rb"(Fastest-Dimension: |Dim_1 = )\d+", rb"\g<1>99999999", content)
    width = rb"\x00\x01\x04\x00\x01\x00\x00\x00.."
    path.write_bytes(re.sub(width, lambda tag: tag[0][:-2] + b"\xff\xff", lying, count=1, flags=re.DOTALL))


@left_open
def never_written(player: Player, number: int, path: Path, content: bytes) -> None:
    pass


@left_open
def deleted(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    player.later.append(path.unlink)


@left_open
def renamed(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    player.later.append(lambda: path.rename(path.with_name(f"br_0002p_{number:05d}.{player.kind}")) and None)


@left_open
def written_again_with_other_content(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    player.again[path.name] = player.other(number)
    player.later.append(lambda: write_plainly(player, number, path, player.content(number, player.again[path.name])))


@beside
def a_folder_named_like_a_frame(player: Player, number: int, path: Path, content: bytes) -> None:
    path.with_name(f"folder_{number}.{player.kind}").mkdir()


@beside
def a_loop_of_folders(player: Player, number: int, path: Path, content: bytes) -> None:
    path.with_name(f"loop_{number}").symlink_to(".")


@beside
def temporary_files(player: Player, number: int, path: Path, content: bytes) -> None:
    for name in (f".hidden_{number}.{player.kind}", f"a_{number}.{player.kind}.part", f"a_{number}.{player.kind}~"):
        path.with_name(name).write_bytes(content)


@beside
def files_of_other_kinds(player: Player, number: int, path: Path, content: bytes) -> None:
    for name in (f"notes_{number}.txt", f"mask_{number}.edf", f"dark_{number}.tif", f"log\n\x1b[31m{number}.csv"):
        path.with_name(name).write_bytes(content)


@beside
def folder_gone_for_a_while(player: Player, number: int, path: Path, content: bytes) -> None:
    elsewhere, begun_s = player.folder.with_name("elsewhere"), time.time()
    player.folder.rename(elsewhere)
    player.pause()
    if number % 2:
        elsewhere.rename(player.folder)
    else:
        shutil.copytree(elsewhere, player.folder, symlinks=True, copy_function=_copy)
        shutil.rmtree(elsewhere)
    player.away.append((begun_s, time.time()))


def _copy(source: str, target: str) -> None:
    path = Path(source)
    if path.is_file() and path.stat().st_size < 1e9:
        path.chmod(0o644)
        Path(target).write_bytes(path.read_bytes())
    elif path.is_fifo() or path.is_socket():
        os.mkfifo(target)
    else:
        enormous_hole(Player(Path(), "", 0), 0, Path(target), b"")


@transient
def junk_behind_it(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(content + b"\x00\x00junk")


@transient
def moved_in_from_elsewhere(player: Player, number: int, path: Path, content: bytes) -> None:
    outside = player.folder.parent / path.name
    outside.write_bytes(content)
    outside.rename(path)


@transient
def deleted_and_written_anew(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(content[:200])
    path.unlink()
    player.pause()
    path.write_bytes(content)


@transient
def emptied_and_filled_again(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(content)

    def again() -> None:
        path.write_bytes(b"")
        player.pause()
        path.write_bytes(content)

    player.later.append(again)


@transient
def a_pipe_at_first(player: Player, number: int, path: Path, content: bytes) -> None:
    os.mkfifo(path)

    def become_a_file() -> None:
        path.unlink()
        path.write_bytes(content)

    player.later.append(become_a_file)


@for_ever
def a_socket(player: Player, number: int, path: Path, content: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as server, contextlib.chdir(path.parent):
        server.bind(path.name)


@for_ever
def a_picture(player: Player, number: int, path: Path, content: bytes) -> None:
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content[:2000])


@for_ever
def spoiled_on_the_way(player: Player, number: int, path: Path, content: bytes) -> None:
    """Only CBF can tell by its checksum; elsewhere the header is hit."""
    place = len(content) - 4095 - 900 if player.kind == "cbf" else 0
    path.write_bytes(content[:place] + bytes(byte ^ 0xFF for byte in content[place : place + 8]) + content[place + 8 :])
