"""The program that runs inside a machine under test, and the two ends of its shared memory."""
