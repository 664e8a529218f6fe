"""A small PSCI 0.2 that speaks psci's line protocol (docs/exec-protocol.md): psci fuzz exec:./small_psci.py."""
import json
import sys

NOT_SUPPORTED, INVALID_PARAMETERS, ALREADY_ON, ON_PENDING = -1, -2, -4, -5
power, entry, asleep, woken, machine = {}, {}, {}, set(), {}  # of each core by its MPIDR, and of the machine

def say(k, **fields):
    print(json.dumps({"k": k, **fields}), flush=True)

def enter(cpu):
    power[cpu] = "ON"
    say("enter", cpu=hex(cpu), pc=hex(entry[cpu][0]), x0=hex(entry[cpu][1]))

def wake(cpu):
    (woken.discard if cpu in asleep else woken.add)(cpu)
    if cpu in asleep:
        enter(cpu) if asleep.pop(cpu) else say("return", cpu=hex(cpu), x0="0x0")

def call(cpu, fn, x1=0, x2=0, x3=0):  # what the call returns; None where it does not return now
    x1, x2, x3 = (x if fn >> 30 & 1 else x & 0xFFFF_FFFF for x in (x1, x2, x3))
    if fn == 0x8400_0000:
        return 0x0000_0002  # PSCI_VERSION: 0.2
    if fn in (0x8400_0001, 0xC400_0001):  # CPU_SUSPEND
        if x1 & 0xFCFE_0000:
            return INVALID_PARAMETERS
        entry[cpu], asleep[cpu] = (x2, x3), x1 >> 16 & 1
        return wake(cpu) if cpu in woken else None
    if fn == 0x8400_0002:  # CPU_OFF
        return power.update({cpu: "OFF"})
    if fn in (0x8400_0003, 0xC400_0003):  # CPU_ON
        if power.get(x1) != "OFF":
            return {"ON": ALREADY_ON, "ON_PENDING": ON_PENDING}.get(power.get(x1), INVALID_PARAMETERS)
        power[x1], entry[x1] = "ON_PENDING", (x2, x3)
        return 0
    if fn in (0x8400_0004, 0xC400_0004):  # AFFINITY_INFO
        level = x2 & 0xFFFF_FFFF
        found = [power[core] for core in power if core >> 8 * level == x1 >> 8 * level] if level < 4 else []
        return next((n for n, p in ((0, "ON"), (2, "ON_PENDING"), (1, "OFF")) if p in found), INVALID_PARAMETERS)
    if fn not in (0x8400_0008, 0x8400_0009):  # SYSTEM_OFF, SYSTEM_RESET
        return NOT_SUPPORTED
    machine["down"] = True
    return say("system", event=["off", "reset"][fn & 1])

for line in map(json.loads, sys.stdin):
    if line["k"] in ("start", "boot"):
        cpus = range(line["cpus"]) if line["k"] == "start" else list(power)
        power, asleep, woken, machine = {cpu: "OFF" if cpu else "ON" for cpu in cpus}, {}, set(), {}
        if line["k"] == "start":
            say("machine", protocol=1, psci="0.2", cpus=list(map(hex, power)), peer="small_psci 1")
    elif line["k"] == "settle":
        [enter(cpu) for cpu in power if power[cpu] == "ON_PENDING" and "down" not in machine]
        say("settled")
    elif line["k"] == "wake" and "down" not in machine:
        wake(int(line["cpu"], 16))
    elif line["k"] == "call" and "down" not in machine:
        value = call(*(int(word, 16) for word in (line["cpu"], line["fn"], *line["args"][:3])))
        if value is not None:
            say("return", cpu=line["cpu"], x0=hex(value & 2**64 - 1))
