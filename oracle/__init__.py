"""The model against the world: traces, the checker, the generator, and the implementations under test."""

from psci.oracle.checker.checker import Checker, TraceError, check
from psci.oracle.checker.report import Finding, Report, Verdict

__all__ = ["Checker", "Finding", "Report", "TraceError", "Verdict", "check"]
