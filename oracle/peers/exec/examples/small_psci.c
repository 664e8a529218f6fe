/* A small PSCI 0.2 that speaks psci's line protocol (docs/exec-protocol.md).
 *
 *     cc -o small_psci small_psci.c && psci fuzz exec:./small_psci
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INVALID_PARAMETERS = -2, NOT_SUPPORTED = -1, ALREADY_ON = -4, ON_PENDING = -5, NO_ANSWER = 1 << 20 };
enum power { ON, OFF, PENDING }; /* as AFFINITY_INFO says it */
enum { MOST = 64 };

static struct core {
	enum power power;
	uint64_t entry, context;
	bool asleep, powerdown, woken;
} cores[MOST];
static unsigned count;
static bool down;

static void boot(void)
{
	memset(cores, 0, sizeof(cores));
	down = false;
	for (unsigned cpu = 1; cpu < count; cpu++)
		cores[cpu].power = OFF;
}

static void enter(unsigned cpu)
{
	cores[cpu].power = ON;
	printf("{\"k\":\"enter\",\"cpu\":\"0x%x\",\"pc\":\"0x%llx\",\"x0\":\"0x%llx\"}\n", cpu,
	       (unsigned long long)cores[cpu].entry, (unsigned long long)cores[cpu].context);
}

static void returns(unsigned cpu, int64_t value)
{
	printf("{\"k\":\"return\",\"cpu\":\"0x%x\",\"x0\":\"0x%llx\"}\n", cpu, (unsigned long long)value);
}

static void wake(unsigned cpu)
{
	struct core *core = &cores[cpu];

	core->woken = !core->asleep;
	if (core->asleep) {
		core->asleep = false;
		if (core->powerdown)
			enter(cpu);
		else
			returns(cpu, 0);
	}
}

static int64_t suspend(unsigned cpu, uint64_t state, uint64_t entry, uint64_t context)
{
	struct core *core = &cores[cpu];

	if (state & 0xFCFE0000)
		return INVALID_PARAMETERS;
	core->entry = entry;
	core->context = context;
	core->asleep = true;
	core->powerdown = state >> 16 & 1;
	if (core->woken)
		wake(cpu);
	return NO_ANSWER;
}

static int64_t turn_on(uint64_t target, uint64_t entry, uint64_t context)
{
	if (target >= count)
		return INVALID_PARAMETERS;
	if (cores[target].power != OFF)
		return cores[target].power == ON ? ALREADY_ON : ON_PENDING;
	cores[target].power = PENDING;
	cores[target].entry = entry;
	cores[target].context = context;
	return 0;
}

static int64_t affinity_info(uint64_t target, uint64_t level)
{
	bool found = false, pending = false, on = false;

	for (unsigned cpu = 0; level < 4 && cpu < count; cpu++) {
		if (cpu >> 8 * level != target >> 8 * level)
			continue;
		found = true;
		on |= cores[cpu].power == ON;
		pending |= cores[cpu].power == PENDING;
	}
	return !found ? INVALID_PARAMETERS : on ? ON : pending ? PENDING : OFF;
}

static int64_t call(unsigned cpu, uint32_t fn, uint64_t x1, uint64_t x2, uint64_t x3)
{
	switch (fn) {
	case 0x84000000:
		return 2; /* PSCI_VERSION: 0.2 */
	case 0x84000001:
	case 0xC4000001:
		return suspend(cpu, (uint32_t)x1, x2, x3);
	case 0x84000002: /* CPU_OFF */
		cores[cpu].power = OFF;
		return NO_ANSWER;
	case 0x84000003:
	case 0xC4000003:
		return turn_on(x1, x2, x3);
	case 0x84000004:
	case 0xC4000004:
		return affinity_info(x1, (uint32_t)x2);
	case 0x84000008:
	case 0x84000009:
		down = true;
		printf("{\"k\":\"system\",\"event\":\"%s\"}\n", fn == 0x84000008 ? "off" : "reset");
		return NO_ANSWER;
	}
	return NOT_SUPPORTED;
}

/* The number of a field; psci writes its lines in one form, without spaces. */
static uint64_t field(const char *line, const char *name)
{
	char key[32];
	const char *at;

	snprintf(key, sizeof(key), "\"%s\":", name);
	at = strstr(line, key);
	return at ? strtoull(at + strlen(key) + (at[strlen(key)] == '"'), NULL, 0) : 0;
}

static void called(const char *line)
{
	uint64_t x[3] = {0};
	unsigned cpu = field(line, "cpu");
	uint32_t fn = field(line, "fn");
	const char *at = strchr(line, '[');
	int64_t value;

	for (int n = 0; n < 3 && (at = strstr(at, "\"0x")) != NULL; n++) {
		char *end;

		x[n] = strtoull(at + 1, &end, 16);
		at = end + 1;
		if (!(fn & 0x40000000))
			x[n] = (uint32_t)x[n];
	}
	value = call(cpu, fn, x[0], x[1], x[2]);
	if (value != NO_ANSWER)
		returns(cpu, value);
}

int main(void)
{
	static char line[1 << 16];

	while (fgets(line, sizeof(line), stdin)) {
		if (strstr(line, "\"k\":\"start\"")) {
			count = field(line, "cpus");
			if (count > MOST)
				return 1;
			boot();
			printf("{\"k\":\"machine\",\"protocol\":1,\"psci\":\"0.2\",\"peer\":\"small_psci.c 1\",\"cpus\":[");
			for (unsigned cpu = 0; cpu < count; cpu++)
				printf("%s\"0x%x\"", cpu ? "," : "", cpu);
			printf("]}\n");
		} else if (strstr(line, "\"k\":\"boot\"")) {
			boot();
		} else if (strstr(line, "\"k\":\"settle\"")) {
			for (unsigned cpu = 0; !down && cpu < count; cpu++)
				if (cores[cpu].power == PENDING)
					enter(cpu);
			printf("{\"k\":\"settled\"}\n");
		} else if (!down && strstr(line, "\"k\":\"wake\"")) {
			wake(field(line, "cpu"));
		} else if (!down && strstr(line, "\"k\":\"call\"")) {
			called(line);
		}
		fflush(stdout);
	}
	return 0;
}
