"""What holds of cores, power domains, modes and the system, whoever calls."""
