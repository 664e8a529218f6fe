"""Commands that measure many at once: a matrix of implementations, a suite, faults."""
