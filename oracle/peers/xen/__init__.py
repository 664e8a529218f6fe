"""Xen's virtual PSCI, as its first domain sees it."""
