"""The KVM inside an arm64 kernel, emulated (`kvm:SERIES`) or this machine's own (`kvm`)."""
