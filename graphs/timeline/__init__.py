"""A trace as a timeline: one lane for each core, time from top to bottom, one row for each event.

Rows are in the order of the trace, which is what the checker goes by; they are not to scale.
"""

from psci.graphs.timeline.followed import Followed
from psci.graphs.timeline.picture import timeline
from psci.graphs.timeline.text import terminal
from psci.graphs.timeline.verdict import verdict

__all__ = ["Followed", "terminal", "timeline", "verdict"]
