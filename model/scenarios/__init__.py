"""More than one implementation at work: hibernation with a host, the SMCCC filter, migration."""
