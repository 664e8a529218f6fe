"""KVM as a peer that can also run under an SMCCC filter, with our VMM half behind it."""

from __future__ import annotations

from psci.oracle.peers.family import Request
from psci.oracle.peers.kvm.adapter import KvmPeer
from psci.oracle.peers.kvm.family import Kvm


class FilteredKvm(Kvm):
    """A KVM, or one of which some function ids leave the kernel."""

    takes = Kvm.takes | {"filter"}

    def open(self, request: Request, times: float) -> KvmPeer:
        """The KVM that was asked for, under the filter of the request if it has one."""
        if request.filter is None:
            return super().open(request, times)
        from psci.oracle.filter.run import open_filtered

        return open_filtered(request, request.filter, times)


FAMILY = FilteredKvm()
