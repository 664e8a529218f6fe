/*
 * A plugin of QEMU's TCG that writes one line before each conduit instruction, one at the instruction after it, and one
 * wherever a call asked for a core to be entered. The caller is not changed, and knows nothing of it.
 *
 * The lines are the input of the source `recorder` (oracle/recording/reading.py):
 *
 *     hvc|smc|ran CPU PC CPSR VMPIDR X0 ... X17            (all but the first two in hexadecimal)
 *
 * QEMU's packages do not ship the header of its plugin interface, so what is used of it is declared here; PLUGIN_API is
 * the version of that interface that the plugin is built for, 4 (QEMU 10) or 7 (QEMU 11).
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define EXPORTED __attribute__((visibility("default")))

struct instruction;
struct block;
typedef struct { uint8_t *data; unsigned length; } Bytes;      /* GLib's GByteArray */
typedef struct { char *data; unsigned length; } Array;         /* GLib's GArray */
typedef struct { void *handle; const char *name; } Register;   /* how a descriptor begins; its length grew */
enum { READS_REGISTERS = 1, INTERRUPT = 1 };

extern unsigned g_array_get_element_size(Array *);
extern Bytes *g_byte_array_new(void);
extern Bytes *g_byte_array_set_size(Bytes *, unsigned);
extern size_t qemu_plugin_tb_n_insns(const struct block *);
extern struct instruction *qemu_plugin_tb_get_insn(const struct block *, size_t);
extern uint64_t qemu_plugin_insn_vaddr(const struct instruction *);
extern size_t qemu_plugin_insn_data(const struct instruction *, void *, size_t);
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct instruction *, void (*)(unsigned, void *), int, void *);
extern Array *qemu_plugin_get_registers(void);
extern int qemu_plugin_read_register(void *, Bytes *);
#if PLUGIN_API >= 7
extern void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t, void (*)(struct block *, void *), void *);
extern void qemu_plugin_register_vcpu_discon_cb(
    uint64_t, int, void (*)(unsigned, int, uint64_t, uint64_t, void *), void *);
#else
extern void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t, void (*)(uint64_t, struct block *));
#endif

EXPORTED int qemu_plugin_version = PLUGIN_API;
EXPORTED int qemu_plugin_install(uint64_t, const void *, int, char **);

enum { PC = 18, CPSR, VMPIDR, REGISTERS };
static const char *const names[REGISTERS] = {
    "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17",
    "pc", "cpsr", "VMPIDR_EL2",
};
static const uint32_t HVC = 0xd4000002, SMC = 0xd4000003;      /* with the immediate 0, which SMCCC asks for */

enum { CPUS = 512, PLACES = 4096 };
struct cpu { void *handles[REGISTERS]; Bytes *buffer; };
static struct cpu cpus[CPUS];
static struct { uint64_t at[PLACES]; unsigned count; } returns, entries;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static FILE *out;

/* The tables only grow, and under the lock; a reader that misses the newest place translates it again before it runs. */
#define HAS(table, place) has((table).at, __atomic_load_n(&(table).count, __ATOMIC_ACQUIRE), place)
#define ADD(table, place) add((table).at, &(table).count, place)

static bool has(const uint64_t *at, unsigned count, uint64_t place)
{
    for (unsigned i = 0; i < count; i++)
        if (at[i] == place)
            return true;
    return false;
}

static void add(uint64_t *at, unsigned *count, uint64_t place)
{
    if (*count == PLACES || has(at, *count, place))
        return;
    at[*count] = place;
    __atomic_store_n(count, *count + 1, __ATOMIC_RELEASE);
}

static void find_registers(struct cpu *cpu)
{
    Array *found = qemu_plugin_get_registers();
    unsigned size = g_array_get_element_size(found);
    cpu->buffer = g_byte_array_new();
    for (unsigned i = 0; i < found->length; i++) {
        const Register *one = (const void *)(found->data + (size_t)i * size);
        for (int k = 0; k < REGISTERS; k++)
            if (!cpu->handles[k] && !strcmp(one->name, names[k]))
                cpu->handles[k] = one->handle;
    }
}

static bool read_registers(unsigned number, uint64_t value[REGISTERS])
{
    if (number >= CPUS)
        return false;
    struct cpu *cpu = &cpus[number];
    if (!cpu->buffer)
        find_registers(cpu);
    for (int k = 0; k < REGISTERS; k++) {
        value[k] = 0;
        if (!cpu->handles[k])
            continue;
        g_byte_array_set_size(cpu->buffer, 0);
        qemu_plugin_read_register(cpu->handles[k], cpu->buffer);
        memcpy(&value[k], cpu->buffer->data, cpu->buffer->length > 8 ? 8 : cpu->buffer->length);
    }
    return true;
}

/* Under the lock: the order of the lines is the order in time. */
static void write_line(const char *kind, unsigned number, uint64_t pc, const uint64_t *value)
{
    fprintf(out, "%s %u %" PRIx64, kind, number, pc);
    for (int k = CPSR; k <= VMPIDR; k++)
        fprintf(out, " %" PRIx64, value[k]);
    for (int k = 0; k < PC; k++)
        fprintf(out, " %" PRIx64, value[k]);
    fputc('\n', out);
    fflush(out);
}

static void at_call(unsigned number, void *place)
{
    uint64_t value[REGISTERS], pc = (uintptr_t)place & ~(uintptr_t)1;
    if (!read_registers(number, value))
        return;
    pthread_mutex_lock(&lock);
    switch ((uint32_t)value[0] & ~UINT32_C(0x40000000)) {
    case 0x84000001:                                    /* CPU_SUSPEND, CPU_ON: the entry point is in x2 */
    case 0x84000003:
        ADD(entries, value[2]);
        break;
    case 0x8400000e:                                    /* SYSTEM_SUSPEND: it is in x1 */
        ADD(entries, value[1]);
    }
    write_line((uintptr_t)place & 1 ? "smc" : "hvc", number, pc, value);
    pthread_mutex_unlock(&lock);
}

static void at_place(unsigned number, void *place)
{
    uint64_t value[REGISTERS];
    if (!read_registers(number, value))
        return;
    pthread_mutex_lock(&lock);
    write_line("ran", number, (uintptr_t)place, value);
    pthread_mutex_unlock(&lock);
}

static void translated(struct block *block)
{
    size_t count = qemu_plugin_tb_n_insns(block);
    for (size_t i = 0; i < count; i++) {
        struct instruction *instruction = qemu_plugin_tb_get_insn(block, i);
        uint64_t pc = qemu_plugin_insn_vaddr(instruction);
        uint32_t code = 0;
        qemu_plugin_insn_data(instruction, &code, sizeof code);
        if (HAS(entries, pc) || HAS(returns, pc))
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, at_place, READS_REGISTERS, (void *)(uintptr_t)pc);
        if (code == HVC || code == SMC) {
            pthread_mutex_lock(&lock);
            ADD(returns, pc + 4);
            pthread_mutex_unlock(&lock);
            qemu_plugin_register_vcpu_insn_exec_cb(
                instruction, at_call, READS_REGISTERS, (void *)(uintptr_t)(pc | (code == SMC)));
        }
    }
}

#if PLUGIN_API >= 7
static void on_block(struct block *block, void *unused) { (void)unused; translated(block); }

/* An interrupt right after the conduit instruction: the task may go on elsewhere, so the call returns here. */
static void interrupted(unsigned number, int kind, uint64_t from, uint64_t to, void *unused)
{
    (void)kind; (void)to; (void)unused;
    if (HAS(returns, from))
        at_place(number, (void *)(uintptr_t)from);
}
#else
static void on_block(uint64_t plugin, struct block *block) { (void)plugin; translated(block); }
#endif

int qemu_plugin_install(uint64_t plugin, const void *machine, int count, char **arguments)
{
    (void)machine;
    for (int i = 0; i < count; i++)
        if (!strncmp(arguments[i], "out=", 4))
            out = fopen(arguments[i] + 4, "w");
    if (!out)
        return 1;
#if PLUGIN_API >= 7
    qemu_plugin_register_vcpu_tb_trans_cb(plugin, on_block, NULL);
    qemu_plugin_register_vcpu_discon_cb(plugin, INTERRUPT, interrupted, NULL);
#else
    qemu_plugin_register_vcpu_tb_trans_cb(plugin, on_block);
#endif
    return 0;
}
