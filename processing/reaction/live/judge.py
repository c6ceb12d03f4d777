"""The causal verdict: one state per frame, from the lattice parameters, amounts and esds so far.

Two lattices that are to become one are judged by the distance between them, which ends at zero; one lattice alone by
its own lattice parameter. Of two lattices that stay apart each is followed for itself, and so is the amount of the
first: a reaction is over when all of them that moved have come to their end. A third and a fourth component have no
say: they may be standards, which never move. Quantities that were chosen by name are each followed for themselves: the
first one makes the state, and what the others do is told beside it.

States. ``waiting``: nothing is seen, or what is seen has never moved (a steady standard waits for ever).
``reacting``: it moves. ``paused``: it moved and stands still, while more than the tolerance may be left.
``complete``: what is left is under the tolerance with 95 % confidence; for two lattices that means that they are no
longer apart. What moves again is ``reacting`` once more, and the reason says so. ``no_beam``: as the fit says. Frames
without a fit keep the state before.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from latticewatch.processing.config.resolve import Setup
from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.peak import Peak
from latticewatch.processing.flow.quantity import value_of
from latticewatch.processing.flow.verdict import State, Verdict
from latticewatch.processing.reaction.live.follower import DISTANCE, LATTICE, Follower, Opinion, WatchedQuantity
from latticewatch.processing.reaction.live.frame_clock import Clock, ticked
from latticewatch.processing.reaction.live.merged_mean import UNTOLD_SHARE, MergedMean, untold
from latticewatch.processing.reaction.live.motion import SingleMotion
from latticewatch.processing.reaction.live.named import LEAST_AMOUNT, LEAST_STRAIN, Scale, followed
from latticewatch.processing.reaction.observed import amount, distance, lattice, sign_of, untold_distance, watched

NAN = float("nan")
LONELY = 5
# Two lattices that are seen as one are no further apart than this many esds of their mean: those of a distance are some
# five times as large, and five of them tell two lattices apart.
ONE_WITHIN = 25.0
# Two lattices, judged as one so far, are two when they are so much of the distance apart that their start cells are,
# in so many frames in a row.
TWO_SHARE, TWO_FRAMES = 1.0 / 3.0, 3
# One of two lattices is missing because they are one, not because it is gone, where so little of the way was left.
NEARLY_ONE = 0.1


class Judge:
    """Judges the frames of one run, in order. A verdict of a past frame is never rewritten; work per frame is
    constant.
    """

    def __init__(self, setup: Setup, since: str = "") -> None:
        """since: a sentence that says where it begins within a scan; left out: with the first frame."""
        self._setup, self._since = setup, since and f" {since}"
        self._merge = not setup.quantities and len(setup.components) > 1 and setup.end == "merge"
        self._followers = [self._follower(quantity) for quantity in _quantities(setup)]
        self._scales = {quantity: Scale(quantity) for quantity in setup.quantities}
        self._clock = Clock(period_s=setup.frame_period_s or NAN)
        self._sign = 0.0
        self._alone = self._apart = 0
        # The mean of lattices that are merged; whether more was added to them.
        self._mean, self._added = MergedMean(), False
        # Esd of the distance in the frame before, Å, NaN: it was not told; whether the two lattices, far apart, are not
        # told apart because the fit does not trust what it knows of their lines.
        self._told_esd_A, self._distrusted = NAN, False
        self._empty_s = self._beam_lost_s = self._completed_s = NAN
        # The quantity whose start is that of the reaction; how many reactions each quantity has shown.
        self._leader: WatchedQuantity | None = None
        self._known: dict[WatchedQuantity, int] = {}
        self._reactions = 1
        self._last = Verdict(State.WAITING, why=f"Nothing to see yet.{self._since}")

    def judge(self, time_s: float, fit: Fit | NoResult, peaks: Sequence[Peak] = ()) -> Verdict:
        """The state at this frame. time_s: from the first frame, NaN where unknown. peaks: those that are followed.
        Never raises on data."""
        self._clock = ticked(self._clock, time_s)
        if isinstance(fit, NoResult) and not (self._watches_peaks and any(peak.is_found for peak in peaks)):
            return self._without_fit(fit)
        self._beam_lost_s = NAN
        if self._setup.quantities:
            self._observe_named(fit, peaks)
        elif isinstance(fit, Fit):
            self._observe(fit)
        self._last = self._verdict()
        return self._last

    @property
    def _watches_peaks(self) -> bool:
        return any(quantity.peak for quantity in self._setup.quantities)

    def _observe_named(self, fit: Fit | NoResult, peaks: Sequence[Peak]) -> None:
        for follower, quantity in zip(self._followers, self._setup.quantities, strict=True):
            value, esd = value_of(quantity, fit, self._setup.composition, peaks)
            value, esd = self._signed(value, esd) if quantity.kind == "distance" else (value, esd)
            if math.isfinite(value) and math.isfinite(esd) and esd > 0.0:
                self._observe_told(follower, *self._scales[quantity].scaled(value, esd))
            elif quantity.kind == "distance" and isinstance(fit, Fit) and _merged(follower, fit):
                self._observe_merged(follower, fit)

    def _observe(self, fit: Fit) -> None:
        if self._merge:
            self._choose_motion(fit)
        for follower in self._followers:
            value, esd = self._value(follower, fit)
            if math.isfinite(value) and math.isfinite(esd) and esd > 0.0:
                self._observe_told(follower, value, esd)
            elif follower.quantity.is_distance and _merged(follower, fit):
                self._observe_merged(follower, fit)

    def _observe_told(self, follower: Follower, value: float, esd: float) -> None:
        follower.observe(value, esd, self._clock, self._empty_s)
        if follower.quantity.is_distance:
            self._mean, self._told_esd_A, self._distrusted = MergedMean(), esd, False

    def _observe_merged(self, follower: Follower, fit: Fit) -> None:
        """Two lattices that cannot be told apart."""
        now, usual_s = self._clock.time_s, self._clock.usual_s
        self._distrusted = self._distrusted or _far_apart(follower, fit, self._told_esd_A)
        self._told_esd_A = NAN
        follows = self._added or self._distrusted
        if follower.start is not None and math.isfinite(untold_distance(fit)) and not follows:
            least_A = self._setup.tolerance * abs(follower.start.level)
            self._mean = self._mean.joined(fit, now, usual_s, least_A)
            if self._mean.has_leapt:
                follower.added(self._mean.leapt, self._mean.before_s)
                self._added = follows = True
            if self._mean.leapt:
                return
        if follows:
            # Not two that have come together: how far apart they are is not told, but the fit has it.
            one = untold(fit, now, usual_s)
            follower.observe(one.distance_A, one.esd_A, self._clock, self._empty_s)
        else:
            follower.merged(self._clock, ONE_WITHIN * min(fit.lp_mean_esd_A, 1.0))

    def _follower(self, quantity: WatchedQuantity) -> Follower:
        return Follower(quantity, self._setup.tolerance, self._setup.mixing_time_s)

    def _without_fit(self, gap: NoResult) -> Verdict:
        if gap.reason == "no beam":
            if math.isnan(self._beam_lost_s):
                self._beam_lost_s = self._clock.time_s
            why = "No beam on the detector."
            return replace(self._last, state=State.NO_BEAM, since_s=self._beam_lost_s, forecast=None, why=why)
        if gap.reason == "no peaks" and all(follower.bank is None for follower in self._followers):
            self._empty_s = self._clock.time_s
        return self._last

    def _choose_motion(self, fit: Fit) -> None:
        """Two lattices where two are seen; a pair not yet told apart is judged as one lattice."""
        follower, (away, esd) = self._followers[0], distance(fit)
        if math.isfinite(away) and math.isfinite(esd):
            first, second = self._setup.components[:2]
            far = abs(away) > TWO_SHARE * abs(second.lattice_parameter_A - first.lattice_parameter_A)
            self._alone, self._apart = 0, self._apart + 1 if far else 0
            if not follower.quantity.is_distance and (follower.start is None or self._apart >= TWO_FRAMES):
                self._followers, self._empty_s = [self._follower(DISTANCE)], self._clock.time_s - self._clock.usual_s
                self._leader, self._reactions, self._completed_s = None, 1, NAN
                self._last = Verdict(State.WAITING)
        else:
            self._alone, self._apart = self._alone + 1, 0
            if self._alone >= LONELY and follower.bank is None:
                self._followers = [self._follower(LATTICE)]

    def _value(self, follower: Follower, fit: Fit) -> tuple[float, float]:
        """What this fit says of a quantity, with its esd; NaN: nothing."""
        if follower.quantity.is_distance:
            return self._signed(*distance(fit))
        if follower.quantity is LATTICE:
            return watched(fit)
        return amount(fit) if follower.quantity.amount else lattice(fit, self._followers.index(follower))

    def _signed(self, away: float, esd: float) -> tuple[float, float]:
        self._sign = sign_of(away, esd, self._sign)
        return self._sign * away, esd

    def _verdict(self) -> Verdict:
        opinions = [follower.judged(self._clock) for follower in self._followers]
        if self._setup.watch:
            return replace(self._together(opinions[:1]), others="; ".join(map(_told, opinions[1:])))
        return self._together(opinions)

    def _together(self, opinions: Sequence[Opinion]) -> Verdict:
        """One state of these opinions."""
        moved = [opinion for opinion in opinions if opinion.state is not State.WAITING]
        if not moved:
            seen = any(follower.bank is not None for follower in self._followers)
            what = "Lattices are" if self._setup.components else "A peak is"
            why = f"{what} seen; none has moved yet." if seen else "Nothing to see yet."
            return Verdict(State.WAITING, why=f"{why}{self._since}")
        was = self._last.state
        # One that still moves decides; where none does, one that rests.
        state = min((opinion.state for opinion in moved), key=(State.REACTING, State.PAUSED, State.COMPLETE).index)
        telling = [opinion for opinion in moved if opinion.state is state]
        latest = max(telling, key=lambda opinion: opinion.since_s)
        since_s = self._last.since_s if state is was else latest.since_s
        if self._leader is None:
            self._leader = min(moved, key=lambda opinion: opinion.mixing_s).quantity
        elif self._begins_anew(latest, len(moved)):
            self._leader, self._reactions, since_s = latest.quantity, self._reactions + 1, latest.mixing_s
        self._known = {opinion.quantity: opinion.reaction for opinion in moved}
        if state is State.COMPLETE and was is not State.COMPLETE:
            self._completed_s = self._clock.time_s
        forecasts = [opinion.forecast for opinion in telling if opinion.forecast is not None]
        verdict = Verdict(
            state=state,
            since_s=since_s,
            progress=min((each.progress for each in moved if math.isfinite(each.progress)), default=NAN),
            mixing_s=next(opinion.mixing_s for opinion in moved if opinion.quantity is self._leader),
            forecast=max(forecasts, key=lambda each: each.complete_s) if len(forecasts) == len(telling) else None,
        )
        why = self._why(verdict, latest, min(opinion.done for opinion in moved))
        return replace(verdict, why=f"{why}{self._since}")

    def _begins_anew(self, latest: Opinion, moved: int) -> bool:
        """Whether a further reaction begins: what was complete moves from there, or more was added to the sample."""
        if latest.state is not State.REACTING or latest.reaction <= self._known.get(latest.quantity, 0):
            return False
        return moved == 1 or self._last.state is State.COMPLETE

    def _why(self, verdict: Verdict, telling: Opinion, done: float) -> str:
        """One plain sentence for the log and the tooltip."""
        quantity = telling.quantity
        if verdict.state is State.COMPLETE:
            return f"Less than {self._setup.tolerance:.1%} of the change is left ({_sure(done)})."
        if verdict.state is State.PAUSED:
            said = f"{quantity.noun} stands still ({_sure(telling.resting)})"
            end = (
                ", and the two lattices are still apart." if quantity.is_distance else "; the reaction may not be over."
            )
            return said + end
        said = f"{quantity.noun} {quantity.moves}; "
        if math.isfinite(self._completed_s):
            said = f"Was called complete at {self._completed_s:.0f} s; moving again; "
        if self._reactions > 1:
            said = f"{said[:-2]} (reaction {self._reactions}, mixing at {verdict.mixing_s:.0f} s); "
        if verdict.forecast is None:
            return said + "when it will be over cannot be said yet."
        first, last = verdict.forecast.earliest_s, verdict.forecast.latest_s
        return said + f"over between {first:.0f} and {last:.0f} s from the first frame (90 %)."


def _quantities(setup: Setup) -> list[WatchedQuantity]:
    """What is followed from the beginning of a run."""
    if setup.quantities:
        return [followed(quantity) for quantity in setup.quantities]
    if len(setup.components) == 1:
        return [LATTICE]
    if setup.end == "merge":
        return [DISTANCE]
    names = [component.name for component in setup.components[:2]]
    cells = [
        replace(LATTICE, noun=f"The lattice parameter of {name}", least_share=LEAST_STRAIN, sleeps=True)
        for name in names
    ]
    noun = f"The amount of {names[0]}"
    return [
        *cells,
        WatchedQuantity(
            noun, SingleMotion(), moves="changes", typical=0.5, least=LEAST_AMOUNT, amount=True, sleeps=True
        ),
    ]


def _told(opinion: Opinion) -> str:
    """``edge c of LCO: paused, 41 %``."""
    named = opinion.quantity.named
    percent = f", {100.0 * opinion.progress:.0f} %" if math.isfinite(opinion.progress) else ""
    return f"{named.label if named else opinion.quantity.noun}: {opinion.state}{percent}"


def _merged(follower: Follower, fit: Fit) -> bool:
    """Whether this fit sees one lattice where two were: neither stands for itself, or one is missing where they were
    nearly one. A component that is absent tells nothing of the distance.
    """
    missing = sum(math.isnan(each.lp_A) for each in fit.lattices[:2])
    if missing == 1 and follower.start is not None:
        return abs(follower.level) < NEARLY_ONE * abs(follower.start.level)
    return missing == 2


def _far_apart(follower: Follower, fit: Fit, told_esd_A: float) -> bool:
    """Whether two lattices are no longer told apart for another reason than that they are too near each other: the fit
    still has a distance that was known well in the frame before. told_esd_A: its esd then, NaN: they were not told."""
    away_A = untold_distance(fit)
    far = follower.start is not None and away_A > NEARLY_ONE * abs(follower.start.level)
    return far and told_esd_A < UNTOLD_SHARE * away_A


def _sure(probability: float) -> str:
    return f"{min(100.0 * probability, 99.9):.3g} % sure"
