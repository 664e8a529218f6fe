/*
 * What a test framework provides, and what walks the sequences. It needs no library: only fixed-width integers.
 * Each function is given `context`. A framework that cannot do a thing returns PSCI_SUITE_CANNOT from it, and what is
 * left of that sequence is not tried.
 */
#ifndef PSCI_SUITE_DRIVER_H
#define PSCI_SUITE_DRIVER_H

#include <stdint.h>

enum psci_suite_seen_kind {
	PSCI_SUITE_SILENT,	/* nothing came back in the time that the framework allows */
	PSCI_SUITE_RETURNED,	/* the call returned: x0 */
	PSCI_SUITE_ENTERED,	/* the core began to run at an entry point: entry_slot, x0 */
	PSCI_SUITE_SYSTEM,	/* the machine went down: system */
	PSCI_SUITE_CANNOT,
};

#define PSCI_SUITE_OUTSIDE (~0u)

enum psci_suite_system { PSCI_SUITE_OFF, PSCI_SUITE_RESET, PSCI_SUITE_HIBERNATE };

struct psci_suite_seen {
	enum psci_suite_seen_kind kind;
	uint64_t x0;
	unsigned int entry_slot;
	enum psci_suite_system system;
};

struct psci_suite_driver {
	void *context;
	/* A machine that was just booted, by `cause`: only core 0 runs. Returns 0 where that cannot be had. */
	int (*boot)(void *context, const char *cause);
	uint64_t (*mpidr)(void *context, unsigned int core);
	/* The address of a piece of code that reports the slot, and x0 as it was entered. */
	uint64_t (*entry_point)(void *context, unsigned int entry_slot);
	/* A core executes the conduit instruction; may_be_silent: no answer within a short time is one of the answers. */
	struct psci_suite_seen (*call)(void *context, unsigned int core, uint32_t fn, const uint64_t args[3],
				       int may_be_silent);
	/*
	 * A wakeup event (an interrupt) is made pending for a core, by another one; by PSCI_SUITE_OUTSIDE where all
	 * sleep: the framework does it, or a timer that it set before the last call.
	 */
	int (*wake)(void *context, unsigned int core, unsigned int by);
	/* Waits until a core that was started or woken is entered, or until its call returns. */
	struct psci_suite_seen (*await)(void *context, unsigned int core);
	/* Waits until the outside sees the machine go down. */
	struct psci_suite_seen (*await_system)(void *context);
};

enum psci_suite_argument_kind { PSCI_SUITE_WORD, PSCI_SUITE_CORE, PSCI_SUITE_ENTRY };

struct psci_suite_argument {
	enum psci_suite_argument_kind kind;
	uint64_t value;
};

enum psci_suite_how { PSCI_SUITE_RETURNS, PSCI_SUITE_RETURNS_ANY, PSCI_SUITE_WAITS, PSCI_SUITE_NEVER };

struct psci_suite_answer {
	enum psci_suite_how how;
	uint64_t value;
	const char *rules;
};

struct psci_suite_entry {
	unsigned int entry_slot;
	uint64_t context;
};

enum psci_suite_do { PSCI_SUITE_CALL, PSCI_SUITE_WAKE, PSCI_SUITE_AWAIT, PSCI_SUITE_AWAIT_SYSTEM, PSCI_SUITE_BOOT };

struct psci_suite_step {
	enum psci_suite_do what;
	unsigned int core;
	const char *text;
	/* call */
	uint32_t fn;
	unsigned int bits;	/* of the answer: 32 or 64 */
	struct psci_suite_argument args[3];
	const struct psci_suite_answer *answers;
	unsigned int answer_count;
	unsigned int goes_on;	/* after this answer the rest of the sequence applies */
	/* wake */
	unsigned int by;
	/* await: how it may come back */
	int may_return;
	const struct psci_suite_entry *entries;
	unsigned int entry_count;
	/* await_system: a bit for each of enum psci_suite_system */
	unsigned int systems;
};

struct psci_suite_sequence {
	const char *name;
	const struct psci_suite_step *steps;
	unsigned int step_count;
};

enum psci_suite_result {
	PSCI_SUITE_PASS,
	PSCI_SUITE_FAIL,	/* seen is none of what is expected at the step */
	PSCI_SUITE_ANOTHER_WAY,	/* allowed, but the rest of the sequence does not apply */
	PSCI_SUITE_NOT_TRIED,	/* the framework cannot do the step */
};

struct psci_suite_verdict {
	enum psci_suite_result result;
	unsigned int step;
	struct psci_suite_seen seen;
};

static inline int psci_suite_answers(const struct psci_suite_answer *answer, unsigned int bits,
				     const struct psci_suite_seen *seen)
{
	uint64_t mask = bits == 64 ? ~(uint64_t)0 : 0xffffffffu;

	switch (answer->how) {
	case PSCI_SUITE_RETURNS:
		return seen->kind == PSCI_SUITE_RETURNED && ((seen->x0 ^ answer->value) & mask) == 0;
	case PSCI_SUITE_RETURNS_ANY:
		return seen->kind == PSCI_SUITE_RETURNED;
	case PSCI_SUITE_WAITS:
	case PSCI_SUITE_NEVER:
		return seen->kind == PSCI_SUITE_SILENT;
	}
	return 0;
}

static inline enum psci_suite_result psci_suite_call(const struct psci_suite_step *step,
						     const struct psci_suite_driver *driver,
						     struct psci_suite_seen *seen)
{
	uint64_t args[3];
	unsigned int i;
	int silent = 0, waits = 0, allowed = 0;

	for (i = 0; i < 3; i++) {
		args[i] = step->args[i].value;
		if (step->args[i].kind == PSCI_SUITE_CORE)
			args[i] = driver->mpidr(driver->context, (unsigned int)args[i]);
		else if (step->args[i].kind == PSCI_SUITE_ENTRY)
			args[i] = driver->entry_point(driver->context, (unsigned int)args[i]);
	}
	for (i = 0; i < step->answer_count; i++) {
		waits |= step->answers[i].how == PSCI_SUITE_WAITS;
		silent |= waits || step->answers[i].how == PSCI_SUITE_NEVER;
	}
	*seen = driver->call(driver->context, step->core, step->fn, args, silent);
	if (seen->kind == PSCI_SUITE_CANNOT)
		return PSCI_SUITE_NOT_TRIED;
	if (psci_suite_answers(&step->answers[step->goes_on], step->bits, seen))
		return PSCI_SUITE_PASS;
	for (i = 0; i < step->answer_count; i++)
		allowed |= psci_suite_answers(&step->answers[i], step->bits, seen);
	/* A call that waits may have been woken before this was looked at: it returned SUCCESS, or the core was entered. */
	if (waits && (seen->kind == PSCI_SUITE_ENTERED ||
		      (seen->kind == PSCI_SUITE_RETURNED && (uint32_t)seen->x0 == 0)))
		allowed = 1;
	return allowed ? PSCI_SUITE_ANOTHER_WAY : PSCI_SUITE_FAIL;
}

static inline enum psci_suite_result psci_suite_await(const struct psci_suite_step *step,
						      const struct psci_suite_driver *driver,
						      struct psci_suite_seen *seen)
{
	unsigned int i;

	*seen = driver->await(driver->context, step->core);
	if (seen->kind == PSCI_SUITE_CANNOT)
		return PSCI_SUITE_NOT_TRIED;
	if (seen->kind == PSCI_SUITE_RETURNED && step->may_return && (uint32_t)seen->x0 == 0)
		return PSCI_SUITE_PASS;
	for (i = 0; i < step->entry_count; i++)
		if (seen->kind == PSCI_SUITE_ENTERED && seen->entry_slot == step->entries[i].entry_slot &&
		    seen->x0 == step->entries[i].context)
			return PSCI_SUITE_PASS;
	return PSCI_SUITE_FAIL;
}

/* Runs one sequence on a machine that the driver boots for it. */
static inline struct psci_suite_verdict psci_suite_run(const struct psci_suite_sequence *sequence,
						       const struct psci_suite_driver *driver)
{
	struct psci_suite_verdict verdict = { PSCI_SUITE_PASS, 0, { PSCI_SUITE_SILENT, 0, 0, PSCI_SUITE_OFF } };

	if (!driver->boot(driver->context, "cold")) {
		verdict.result = PSCI_SUITE_NOT_TRIED;
		return verdict;
	}
	for (; verdict.step < sequence->step_count; verdict.step++) {
		const struct psci_suite_step *step = &sequence->steps[verdict.step];

		switch (step->what) {
		case PSCI_SUITE_CALL:
			verdict.result = psci_suite_call(step, driver, &verdict.seen);
			break;
		case PSCI_SUITE_WAKE:
			if (!driver->wake(driver->context, step->core, step->by))
				verdict.result = PSCI_SUITE_NOT_TRIED;
			break;
		case PSCI_SUITE_AWAIT:
			verdict.result = psci_suite_await(step, driver, &verdict.seen);
			break;
		case PSCI_SUITE_AWAIT_SYSTEM:
			verdict.seen = driver->await_system(driver->context);
			if (verdict.seen.kind == PSCI_SUITE_CANNOT)
				verdict.result = PSCI_SUITE_NOT_TRIED;
			else if (verdict.seen.kind != PSCI_SUITE_SYSTEM ||
				 !(step->systems >> verdict.seen.system & 1))
				verdict.result = PSCI_SUITE_FAIL;
			break;
		case PSCI_SUITE_BOOT:
			if (!driver->boot(driver->context, step->text))
				verdict.result = PSCI_SUITE_NOT_TRIED;
			break;
		}
		if (verdict.result != PSCI_SUITE_PASS)
			return verdict;
	}
	return verdict;
}

#endif
