"""What all tests share."""

from hypothesis import HealthCheck, settings

# A machine that does other work at the same time is not a reason to fail: what a test asserts is never a time.
settings.register_profile("house", deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile("house")
