"""What PSCI says, as data, and the stepper: no solver, no files, nothing outside the standard library."""

# Python finds this folder as `model` when it runs at the root of the repository; every module would then exist twice,
# and a Version of one copy is not equal to the same Version of the other.
if __name__ == "model":
    raise ImportError("the folder `model` is the package `psci.model`: write `import psci.model`")
