"""Everything that a key does in the window; F1 and the menus are made from this list."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from latticewatch.app.window.keys import Command
from latticewatch.app.window.run_page import RunPage
from latticewatch.app.window.undo import unpin

if TYPE_CHECKING:
    from latticewatch.app.window.main_window import MainWindow


def _page(act: Callable[[RunPage], object]) -> "Callable[[MainWindow], object]":
    def on_window(window: "MainWindow") -> None:
        if window.page is not None:
            act(window.page)
            window.show_words()

    return on_window


COMMANDS = (
    Command("&Frame", "newest frame, from now on", ("N", "End", "Esc"), _page(lambda page: page.choose(None))),
    Command("&Frame", "one frame back", ("Left",), _page(lambda page: page.step(-1))),
    Command("&Frame", "one frame on", ("Right",), _page(lambda page: page.step(1))),
    Command("&Frame", "ten frames back", ("Shift+Left", "PgUp"), _page(lambda page: page.step(-10))),
    Command("&Frame", "ten frames on", ("Shift+Right", "PgDown"), _page(lambda page: page.step(10))),
    Command("&Frame", "first frame", ("Home",), _page(lambda page: page.choose(0))),
    Command("&Frame", "change of state before", ("Ctrl+Left",), lambda window: window.to_change(-1)),
    Command("&Frame", "next change of state", ("Ctrl+Right",), lambda window: window.to_change(1)),
    Command("&Frame", "pin this pattern", ("P",), _page(lambda page: page.pin())),
    Command("&Frame", "pin mixing and a minute after", ("Ctrl+P",), _page(lambda page: page.pin_beginning())),
    Command("&Frame", "unpin all patterns", ("Shift+P",), unpin),
    Command("&View", "whole run in view, followed as it grows", ("F",), _page(lambda page: page.follow())),
    Command("&View", "map: whole pattern or reflection", ("W",), _page(lambda page: page.map.toggle_whole())),
    Command("&View", "map: next mode", ("D",), _page(lambda page: page.map.bar.next_mode())),
    Command("&View", "map: next colour scale", ("C",), _page(lambda page: page.map.bar.next_scale())),
    Command("&View", "map: time across or downward", ("X",), _page(lambda page: page.map.flip())),
    Command("&View", "map: fitted lines, or the map alone", ("E",), _page(lambda page: page.map.toggle_lines())),
    Command("&View", "2θ, Q or d", ("U",), _page(lambda page: page.map.bar.next_unit())),
    Command("&View", "time of day or elapsed", ("T",), _page(lambda page: page.toggle_clock())),
    Command("&View", "strip: header values, Rwp, intensity", ("R",), _page(lambda page: page.toggle_strip())),
    Command("&View", "strip: next value", ("Shift+R",), _page(lambda page: page.strip.next_quantity())),
    Command("&View", "detector image with mask and rings", ("I",), _page(lambda page: page.toggle_image())),
    Command("&View", "second opinion: the reflection alone", ("O",), _page(lambda page: page.toggle_second_opinion())),
    Command("&View", "wall: banner and trace, large", ("F11",), lambda window: window.toggle_wall()),
    Command("&View", "light or dark", ("Ctrl+D",), lambda window: window.toggle_dark()),
    Command("&View", "list of frames and gaps", ("G",), lambda window: window.docks.toggle_frames()),
    Command("&View", "list of marks", ("K",), lambda window: window.docks.toggle_marks()),
    Command("&View", "log", ("L",), lambda window: window.docks.toggle_log()),
    Command("&Run", "take back", ("Ctrl+Z",), lambda window: window.undo.undo()),
    Command("&Run", "do again", ("Ctrl+Shift+Z", "Ctrl+Y"), lambda window: window.undo.redo()),
    Command("&Run", "mark with a note", ("M",), lambda window: window.ask_note()),
    Command("&Run", "alarms seen", ("A",), lambda window: window.acknowledge()),
    Command("&Run", "screenshot for the logbook", ("S",), lambda window: window.pictures.shoot()),
    Command("&Run", "post to the logbook", ("B",), lambda window: window.logbook.ask()),
    Command("&Run", "close", ("Ctrl+Q", "Ctrl+W"), lambda window: window.close()),
    Command("&Help", "keys", ("F1",), lambda window: window.show_keys()),
)
REPLAY_COMMANDS = (
    Command("&Run", "play or pause the replay", ("Space",), lambda window: window.bar.play_button.click()),
    Command("&Run", "one frame of the replay", (".",), lambda window: window.bar.step_button.click()),
    Command("&Run", "replay faster", ("+", "="), lambda window: window.bar.change_speed(1)),
    Command("&Run", "replay slower", ("-",), lambda window: window.bar.change_speed(-1)),
)
