"""A session: a campaign against a peer that a user named, with all that is found confirmed, shrunk and kept."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psci.oracle import peers
from psci.oracle.campaign.campaign import PATIENCE, Campaign, CampaignPlan, CampaignResult, FoundDeviation
from psci.oracle.campaign.document import document
from psci.oracle.campaign.judging import DeviationKey
from psci.oracle.campaign.keeping import Keeper
from psci.oracle.campaign.reproducing import Reproduced, Reproducer, as_found

if TYPE_CHECKING:
    from psci.oracle.peers import Request

CONFIRMING_SECONDS = 30.0
"""For all deviations together: each is run again before any is shrunk."""
SHRINKING_SECONDS = 20.0
"""For each deviation; a peer that is slow keeps a larger reproducer rather than its user waiting."""
ALL_SHRINKING_SECONDS = 90.0

TellResult = Callable[[CampaignResult], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a user asks a session for."""

    request: Request
    plan: CampaignPlan
    folder: Path
    command: str
    """The command that does the same again."""
    strict: bool = False
    """Judge by DEN0022 alone: listed deviations of the peer are new ones too."""
    shrinking_seconds: float = SHRINKING_SECONDS


class Session:
    """Runs an order."""

    def __init__(self, order: Order, tell: TellResult | None = None) -> None:
        """Prepare a session.

        Args:
            order: what is to be done.
            tell: is told the result so far, after each program.
        """
        self.order = order
        self.keeper = Keeper(order.folder)
        self.made: dict[DeviationKey, Reproduced] = {}
        self.result = CampaignResult(order.plan)
        self.first_verdict: float | None = None
        self._tell = tell or (lambda result: None)

    def run(self) -> dict[str, Any]:
        """Run the campaign, then confirm and shrink what it found; returns the document of `psci fuzz --json`.

        Ctrl-C at any moment leaves what there is.

        Raises:
            SavedError: the folder for findings cannot be written.
            CannotRun: the peer is missing, or cannot be started.
        """
        order = self.order
        self.keeper.check()
        family, peer = peers.family(order.request.name), peers.open_peer(order.request)
        try:
            plan = replace(
                order.plan,
                profile=family.profile(),
                options=family.switches(order.request, peer),
                quirks=() if order.strict else family.quirks().of(peer.version),
            )
            campaign = Campaign(
                plan, peer, lambda: peers.open_peer(order.request, times=PATIENCE), self._progress, self._keep_at_once
            )
            self.result = campaign.result
            campaign.run()
            if not self.result.interrupted:
                try:
                    self._make_small(campaign)
                except KeyboardInterrupt:
                    self.result.interrupted = True
        finally:
            peer.close()
        return self.document()

    def document(self) -> dict[str, Any]:
        """What came out so far."""
        return document(
            self.result, self.order.request.name, self.order.command, self.made, self.keeper, self.first_verdict
        )

    def _progress(self, result: CampaignResult) -> None:
        if self.first_verdict is None:
            self.first_verdict = since_the_process_began()
        self._tell(result)

    # ---- what is found

    def _keep_at_once(self, found: FoundDeviation) -> None:
        self._keep(found.deviation.key, as_found(found))

    def _keep(self, key: DeviationKey, made: Reproduced) -> None:
        request: Mapping[str, str] = {
            name: value for name, value in asdict(self.order.request).items() if value is not None
        }
        document = made.saved(request, self.result, self.order.command)
        self.keeper.keep(key, document, observation=made.is_observation)

    def _make_small(self, campaign: Campaign) -> None:
        confirming = time.monotonic() + CONFIRMING_SECONDS
        deadline = confirming
        reproducers: list[Reproducer] = []
        for key, found in self.result.found.items():
            judge = campaign.judge_of(found.program)
            made = Reproducer(campaign.peer, judge, found, lambda: time.monotonic() < deadline)
            self.made[key] = made.confirm()
            if self.made[key].is_observation:
                self._keep(key, self.made[key])
            elif self.made[key].rate.seen:
                reproducers.append(made)
        end = time.monotonic() + ALL_SHRINKING_SECONDS
        for made in reproducers:
            key = made.found.deviation.key
            deadline = min(end, time.monotonic() + self.order.shrinking_seconds)
            try:
                self.made[key] = made.shrink()
            except KeyboardInterrupt:
                self.made[key] = made.interrupted()
                raise
            finally:
                self._keep(key, self.made[key])
        self._same_together()

    def _same_together(self) -> None:
        """What became the same small program is one deviation, that undeclared things made look like several."""
        found = self.result.found
        first: dict[Path, DeviationKey] = {}
        for key in list(found):
            file = self.keeper.files.get(key)
            known = first.setdefault(file, key) if file is not None else key
            if known != key:
                found[known].count += found.pop(key).count


def since_the_process_began() -> float:
    """Seconds since this process began: what a user waited for the first verdict."""
    try:
        fields = Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        began = int(fields[19]) / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - began
    except (OSError, ValueError, IndexError):
        return time.process_time()


__all__ = ["Order", "Session"]
