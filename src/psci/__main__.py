"""`python -m psci` is `psci`."""

from psci.cli.main import main

if __name__ == "__main__":
    main()
