/* Drives the generated header against whoever answers on standard input and output, one line each way. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "suite.h"

static struct psci_suite_seen answer(void)
{
	struct psci_suite_seen seen = { PSCI_SUITE_CANNOT, 0, 0, PSCI_SUITE_OFF };
	char word[32];

	fflush(stdout);
	if (scanf("%31s", word) != 1)
		return seen;
	if (!strcmp(word, "silent")) {
		seen.kind = PSCI_SUITE_SILENT;
	} else if (!strcmp(word, "returned") && scanf("%" SCNx64, &seen.x0) == 1) {
		seen.kind = PSCI_SUITE_RETURNED;
	} else if (!strcmp(word, "entered") && scanf("%u %" SCNx64, &seen.entry_slot, &seen.x0) == 2) {
		seen.kind = PSCI_SUITE_ENTERED;
	} else if (!strcmp(word, "system") && scanf("%31s", word) == 1) {
		seen.kind = PSCI_SUITE_SYSTEM;
		seen.system = !strcmp(word, "off") ? PSCI_SUITE_OFF :
			      !strcmp(word, "reset") ? PSCI_SUITE_RESET : PSCI_SUITE_HIBERNATE;
	}
	return seen;
}

static int boot(void *context, const char *cause)
{
	(void)context;
	printf("boot %s\n", cause);
	return answer().kind == PSCI_SUITE_SILENT;
}

static uint64_t mpidr(void *context, unsigned int core)
{
	(void)context;
	return core;
}

static uint64_t entry_point(void *context, unsigned int entry_slot)
{
	(void)context;
	return 0x40000000u + 0x1000u * entry_slot;
}

static struct psci_suite_seen call(void *context, unsigned int core, uint32_t fn, const uint64_t args[3], int silent)
{
	(void)context;
	(void)silent;
	printf("call %u %" PRIx32 " %" PRIx64 " %" PRIx64 " %" PRIx64 "\n", core, fn, args[0], args[1], args[2]);
	return answer();
}

static int wake(void *context, unsigned int core, unsigned int by)
{
	(void)context;
	(void)by;
	printf("wake %u\n", core);
	return answer().kind == PSCI_SUITE_SILENT;
}

static struct psci_suite_seen await(void *context, unsigned int core)
{
	(void)context;
	printf("await %u\n", core);
	return answer();
}

static struct psci_suite_seen await_system(void *context)
{
	(void)context;
	printf("system\n");
	return answer();
}

int main(void)
{
	static const char *const results[] = { "pass", "fail", "another-way", "not-tried" };
	const struct psci_suite_driver driver = { 0, boot, mpidr, entry_point, call, wake, await, await_system };
	unsigned int i;

	for (i = 0; i < PSCI_SUITE_SEQUENCES; i++) {
		struct psci_suite_verdict verdict = psci_suite_run(&psci_suite_sequences[i], &driver);

		printf("verdict %s %s %u\n", psci_suite_sequences[i].name, results[verdict.result], verdict.step);
	}
	return 0;
}
