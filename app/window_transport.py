"""Between the transport bar and the replay's clock."""

from latticewatch.app.window_run import RunPage
from latticewatch.processing.sources.replay import Transport
from latticewatch.widgets.transport_bar import TransportBar


def connect_transport(bar: TransportBar, transport: Transport, page: RunPage) -> None:
    """Let the bar steer: forward the replay, back the frame that is shown."""

    def play(wanted: bool) -> None:
        (transport.play if wanted else transport.pause)()

    def go_to(time_s: float) -> None:
        if time_s <= page.history.timeline.span()[1]:
            page.choose_time(time_s)
        else:
            page.choose(None)
            transport.seek(time_s)

    bar.playing_wanted.connect(play)
    bar.step_wanted.connect(transport.step)
    bar.speed_wanted.connect(transport.set_speed)
    bar.time_wanted.connect(go_to)
    bar.change_wanted.connect(page.step_change)


def show_transport(bar: TransportBar, transport: Transport, page: RunPage) -> None:
    """Where the replay is: the shown frame's time, of the whole scan's as far as it is known."""
    state, timeline, snapshot = transport.snapshot(), page.history.timeline, page.snapshot()
    if not timeline.count:
        return
    number = timeline.count - 1 if page.chosen is None else page.chosen
    begin_s, played_s = float(timeline.starts[0]), float(timeline.starts[-1])
    left = max(0, snapshot.progress.found - snapshot.count)
    bar.show_state(
        playing=state.playing or state.seeking,
        speed=state.speed,
        time_s=float(timeline.starts[number]),
        duration_s=max(played_s - begin_s, 0.0) + begin_s + left * timeline.period_s,
    )
