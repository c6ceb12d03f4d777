"""What the keys and menus do with frames, views and alarms. They are handed what they act on."""

from collections.abc import Callable, Mapping
from functools import partial

from latticewatch.app.window.alarms import WindowAlarms
from latticewatch.app.window.docks import Docks
from latticewatch.app.window.keys import Command
from latticewatch.app.window.run_page import RunPage
from latticewatch.app.window.undo import Undo
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.widgets.transport_bar import TransportBar

VIEW, RUN = "&View", "&Run"

Act = Callable[[], None]
OnPage = Callable[[Callable[[RunPage], object]], Act]
"""Makes of what is done to a page an act on the page that is shown by then."""
Holds = Callable[[Callable[[RunPage], bool]], Callable[[], bool]]
"""Makes of a question to a page one to the page that is shown by then; no where none is."""


def frame_commands(page: OnPage, holds: Holds, to_change: Callable[[int], None], unpin: Act) -> list[Command]:
    """Which frame is shown, and which are pinned. to_change: shows the change of state before or after."""
    menu = "&Frame"
    looks_back = holds(lambda page: page.chosen is not None)
    pinned = holds(lambda page: bool(page.pattern.pins()))
    return [
        Command(menu, "Newest frame, from now on", ("N", "End", "Esc"), page(lambda page: page.choose(None)), "to"),
        Command(menu, "First frame", ("Home",), page(lambda page: page.choose(0)), "to"),
        Command(menu, "One frame back", ("Left",), page(lambda page: page.step(-1)), "step"),
        Command(menu, "One frame forward", ("Right",), page(lambda page: page.step(1)), "step", can=looks_back),
        Command(menu, "Ten frames back", ("Shift+Left", "PgUp"), page(lambda page: page.step(-10)), "step"),
        Command(
            menu,
            "Ten frames forward",
            ("Shift+Right", "PgDown"),
            page(lambda page: page.step(10)),
            "step",
            can=looks_back,
        ),
        Command(menu, "Previous change of state", ("Ctrl+Left",), lambda: to_change(-1), "change"),
        Command(menu, "Next change of state", ("Ctrl+Right",), lambda: to_change(1), "change"),
        Command(menu, "Pin this pattern", ("P",), page(lambda page: page.pin()), "pin"),
        Command(menu, "Pin the start and a minute after", ("Ctrl+P",), page(lambda page: page.pin_beginning()), "pin"),
        Command(menu, "Unpin all patterns", ("Shift+P",), unpin, "pin", can=pinned),
    ]


def unpin(undo: Undo, page: Callable[[], RunPage | None]) -> None:
    """Take the pinned patterns away; Undo brings them back, whatever page shows the run by then."""

    def show(pins: list[tuple[str, Pattern]]) -> None:
        now = page()
        if now is not None:
            now.pattern.show_pins(pins)

    now = page()
    pins = now.pattern.pins() if now is not None else []
    if pins:
        undo.do("unpinning all patterns", lambda: show([]), lambda: show(pins))


def view_commands(page: OnPage, holds: Holds) -> list[Command]:
    """What the views of a page show."""

    def of(
        group: str,
        text: str,
        key: str,
        act: Callable[[RunPage], object],
        is_on: Callable[[RunPage], bool] | None = None,
        can: Callable[[RunPage], bool] | None = None,
    ) -> Command:
        asked = [None if question is None else holds(question) for question in (is_on, can)]
        return Command(VIEW, text, (key,), page(act), group, *asked)

    def has_strip(page: RunPage) -> bool:
        return not page.strip.isHidden()

    def has_image(page: RunPage) -> bool:
        return not page.image.panel.isHidden()

    return [
        of("range", "Whole run, followed as it grows", "F", RunPage.follow, lambda page: page.follows),
        of("range", "Zoom back", "Backspace", RunPage.zoom_back, can=RunPage.can_zoom_back),
        of("map", "Map: whole pattern", "W", lambda page: page.map.toggle_whole(), lambda page: page.map.whole),
        of("map", "Map: next mode", "D", lambda page: page.map.bar.next_mode()),
        of("map", "Map: next colour scale", "C", lambda page: page.map.bar.next_scale()),
        of("map", "Map: time downward", "X", lambda page: page.map.flip(), lambda page: page.map.sheet.down),
        of("map", "Map: fitted lines", "E", lambda page: page.map.toggle_lines(), lambda page: page.map.with_lines),
        of(
            "axes",
            "Pattern: logarithmic intensity",
            "Y",
            lambda page: page.pattern.toggle_logarithmic(),
            lambda page: page.pattern.logarithmic,
        ),
        of("axes", "2θ, Q or d: the next", "U", lambda page: page.map.bar.next_unit()),
        of("axes", "Time of day", "T", RunPage.toggle_clock, lambda page: page.clock, lambda page: page.has_clock),
        of("panels", "Strip: header values, Rwp, intensity", "R", RunPage.toggle_strip, has_strip),
        of("panels", "Strip: next value", "Shift+R", lambda page: page.strip.next_quantity(), can=has_strip),
        of("panels", "Detector image with mask and rings", "I", RunPage.toggle_image, has_image),
        of(
            "panels",
            "Second opinion: the reflection alone",
            "O",
            RunPage.toggle_second_opinion,
            lambda page: page.has_second_opinion,
        ),
    ]


def list_commands(docks: Docks) -> list[Command]:
    """What can be opened beside the page."""
    return [
        Command(VIEW, "List of frames and gaps", ("G",), docks.toggle_frames, "lists", docks.shows_frames),
        Command(VIEW, "List of marks", ("K",), docks.toggle_marks, "lists", docks.shows_marks),
        Command(VIEW, "Results of the run", ("V",), docks.toggle_results, "lists", docks.shows_results),
        Command(VIEW, "Log", ("L",), docks.toggle_log, "lists", docks.shows_log),
    ]


def writing_commands(
    undo: Undo, acts: Mapping[str, Act], has_page: Callable[[], bool], has_file: Callable[[], bool]
) -> list[Command]:
    """Undo, and what is written down of the run. acts: by their keys. has_file: whether the run is recorded."""
    return [
        Command(RUN, "Undo", ("Ctrl+Z",), undo.undo, "undo", can=undo.can_undo),
        Command(RUN, "Redo", ("Ctrl+Shift+Z", "Ctrl+Y"), undo.redo, "undo", can=undo.can_redo),
        Command(RUN, "Mark with a note", ("M",), acts["M"], "write", can=has_page),
        Command(RUN, "Screenshot", ("S",), acts["S"], "write"),
        Command(RUN, "Post to the logbook", ("B",), acts["B"], "write", can=has_file),
    ]


def replay_commands(bar: Callable[[], TransportBar]) -> list[Command]:
    """How a replay is played. bar: the one that is shown by then."""
    return [
        Command(RUN, "Play or pause the replay", ("Space",), lambda: bar().play_button.click(), "replay"),
        Command(RUN, "One frame of the replay", (".",), lambda: bar().step_button.click(), "replay"),
        Command(RUN, "Replay faster", ("+", "="), lambda: bar().change_speed(1), "replay"),
        Command(RUN, "Replay slower", ("-",), lambda: bar().change_speed(-1), "replay"),
    ]


def alarm_commands(alarms: WindowAlarms, acknowledge: Act) -> list[Command]:
    """That the alarms were seen, and the ways in which they are given."""
    menu = "&Alarms"
    ways = {"sound": "Sound", "repeat": "Sound again every minute until seen", "notice": "Notice of the desktop"}
    return [
        Command(menu, "Alarms seen", ("A",), acknowledge, "seen", can=lambda: bool(alarms.standing())),
        *(
            Command(menu, text, (), partial(alarms.toggle, way), "ways", partial(alarms.gives, way))
            for way, text in ways.items()
        ),
    ]
