/* Breadth-first search over packed states, by several threads.
 *
 * model.h is generated from the rules: WORDS, MARK_WORD, MARK_BIT, BUSY_BIT, MOST_SUCCESSORS, INITIAL,
 * successors(), labels(), goal(), canonical(), orbit(). A state is WORDS words; two bits of one of them are
 * the table's own: MARK says that a place of the table is taken, BUSY that somebody is writing it.
 *
 * usage: search THREADS LIMIT KEEP_LEVELS COUNT FILE
 *   LIMIT        stop after that many states (0: none)
 *   KEEP_LEVELS  1: keep every level, and print a shortest way to the goal
 *   COUNT        1: count labelled and distinct transitions once all states are there
 *   FILE         where an interrupted search is kept, and gone on from; "-" for none
 * Prints one JSON object. Ends with 0, with 130 when it was interrupted, or with 3 when memory ran out.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

typedef uint64_t u64;
#include "model.h"

#define MARK (1ull << MARK_BIT)
#define BUSY (1ull << BUSY_BIT)
#define CHUNK 512
#define AHEAD 96
#define MOST_THREADS 64

typedef unsigned __int128 u128;
typedef struct { state *states; u64 count, room; } list;

static _Atomic u64 *table;
static u64 places, states;
static _Atomic u64 taken;
static atomic_int stop_early, table_full;
static volatile sig_atomic_t interrupted;
static int threads;

static list *level, levels_kept[4096 * MOST_THREADS];
static list ahead[MOST_THREADS];
static u64 chunks, fired_by[MOST_THREADS];
static _Atomic u64 next_chunk;
static _Atomic int goal_found;
static state goal_state;
static pthread_barrier_t together;
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double cpu_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void out_of_memory(void) {
  fprintf(stderr, "out of memory after %" PRIu64 " states\n", (u64)taken);
  exit(3);
}

static void *room_for(u64 bytes) {
  void *at = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) out_of_memory();
  madvise(at, bytes, MADV_HUGEPAGE);
  return at;
}

static inline u64 mixed(u64 x) {
  x ^= x >> 32; x *= 0xd6e8feb86659fd93ull; x ^= x >> 32; x *= 0xd6e8feb86659fd93ull; return x ^ x >> 32;
}

static inline u64 home(const state *s) {
  u64 h = mixed(s->w[0] + 0x9E3779B97F4A7C15ull);
  for (int i = 1; i < WORDS; i++) h = mixed(h ^ s->w[i]);
  return (u64)((u128)h * places >> 64);
}

/* Put a state (with MARK set) into the table; 1 if it was not there. */
static inline int put(const state *s, u64 at) {
  for (;; at = at + 1 == places ? 0 : at + 1) {
    _Atomic u64 *e = table + at * WORDS;
    u64 seen = atomic_load_explicit(e + MARK_WORD, memory_order_acquire);
    if (!seen) {
#if WORDS == 1
      if (atomic_compare_exchange_strong(e, &seen, s->w[0])) return 1;
#else
      if (atomic_compare_exchange_strong(e + MARK_WORD, &seen, BUSY)) {
        for (int i = 0; i < WORDS; i++)
          if (i != MARK_WORD) atomic_store_explicit(e + i, s->w[i], memory_order_relaxed);
        atomic_store_explicit(e + MARK_WORD, s->w[MARK_WORD], memory_order_release);
        return 1;
      }
#endif
    }
#if WORDS > 1
    while (seen == BUSY) seen = atomic_load_explicit(e + MARK_WORD, memory_order_acquire);
#endif
    int same = seen == s->w[MARK_WORD];
    for (int i = 0; i < WORDS && same; i++)
      if (i != MARK_WORD) same = atomic_load_explicit(e + i, memory_order_relaxed) == s->w[i];
    if (same) return 0;
  }
}

static void append(list *l, const state *s) {
  if (l->count == l->room) {
    l->room = l->room ? l->room * 3 / 2 : 1024;
    l->states = realloc(l->states, l->room * sizeof(state));
    if (!l->states) out_of_memory();
  }
  l->states[l->count++] = *s;
}

static void run_chunk(int me, const state *from, u64 count) {
  static _Thread_local state out[AHEAD + MOST_SUCCESSORS];
  static _Thread_local u64 at[AHEAD + MOST_SUCCESSORS];
  int n = 0;
  u64 fresh = 0, fired = 0;
  for (u64 i = 0; i < count; i++) {
    int k = successors(from + i, out + n);
    fired += (u64)k;
    for (int j = n; j < n + k; j++) {
      canonical(out + j);
      at[j] = home(out + j);
      __builtin_prefetch((void *)(table + at[j] * WORDS), 1);
    }
    n += k;
    if (n >= AHEAD || i + 1 == count) {
      for (int j = 0; j < n; j++)
        if (put(out + j, at[j])) {
          append(ahead + me, out + j);
          fresh++;
          if (goal(out + j)) {
            pthread_mutex_lock(&one);
            if (!goal_found) { goal_state = out[j]; goal_found = 1; }
            pthread_mutex_unlock(&one);
          }
        }
      n = 0;
    }
  }
  fired_by[me] += fired;
  u64 all = atomic_fetch_add(&taken, fresh) + fresh;
  if (all + (u64)threads * CHUNK * MOST_SUCCESSORS > places / 5 * 4) table_full = 1;
}

static _Atomic u64 *old_table;
static u64 old_places;

static void rehash(int me) {
  u64 from = old_places / (u64)threads * (u64)me;
  u64 to = me + 1 == threads ? old_places : old_places / (u64)threads * (u64)(me + 1);
  for (u64 i = from; i < to; i++)
    if (old_table[i * WORDS + MARK_WORD]) {
      state s;
      for (int w = 0; w < WORDS; w++) s.w[w] = old_table[i * WORDS + w];
      put(&s, home(&s));
    }
}

static u64 limit;
static int level_done;

static void *work(void *argument) {
  int me = (int)(intptr_t)argument;
  for (;;) {
    pthread_barrier_wait(&together);
    if (level_done) return 0;
    while (!table_full && !interrupted && !stop_early) {
      u64 c = atomic_fetch_add(&next_chunk, 1);
      if (c >= chunks) break;
      u64 first = c * CHUNK, left;
      for (int t = 0; t < threads; t++) {
        /* chunks never cross the parts of a level */
        u64 parts = (level[t].count + CHUNK - 1) / CHUNK;
        if (first < parts * CHUNK) {
          left = level[t].count - first;
          run_chunk(me, level[t].states + first, left < CHUNK ? left : CHUNK);
          break;
        }
        first -= parts * CHUNK;
      }
      if (limit && taken >= limit) stop_early = 1;
    }
    pthread_barrier_wait(&together);
    if (me == 0 && table_full) {
      old_table = table; old_places = places;
      places = places / 2 * 3;
      table = room_for(places * sizeof(state));
    }
    pthread_barrier_wait(&together);
    if (table_full) rehash(me);
    pthread_barrier_wait(&together);
    if (me == 0 && table_full) {
      munmap((void *)old_table, old_places * sizeof(state));
      table_full = 0;
    }
    if (me == 0) return 0; /* the first thread is the one that goes from level to level */
  }
}

static u128 labelled_by[MOST_THREADS], distinct_by[MOST_THREADS], states_by[MOST_THREADS];

/* Once over all states: how many labels, and how many different states after one step. */
static void *count(void *argument) {
  int me = (int)(intptr_t)argument;
  static _Thread_local state out[MOST_SUCCESSORS];
  u64 from = places / (u64)threads * (u64)me;
  u64 to = me + 1 == threads ? places : places / (u64)threads * (u64)(me + 1);
  u128 labelled = 0, distinct = 0, all = 0;
  for (u64 i = from; i < to; i++) {
    if (!table[i * WORDS + MARK_WORD]) continue;
    state s;
    for (int w = 0; w < WORDS; w++) s.w[w] = table[i * WORDS + w];
    u64 weight = orbit(&s);
    int k = successors(&s, out);
    u64 different = 0;
    for (int a = 0; a < k; a++) {
      int b = 0;
      while (b < a && memcmp(out + a, out + b, sizeof(state))) b++;
      different += b == a;
    }
    all += weight;
    labelled += (u128)weight * labels(&s);
    distinct += (u128)weight * different;
  }
  states_by[me] = all; labelled_by[me] = labelled; distinct_by[me] = distinct;
  return 0;
}

static void print_number(const char *name, u128 x) {
  char digits[48];
  int at = 47;
  digits[at] = 0;
  do { digits[--at] = (char)('0' + (int)(x % 10)); x /= 10; } while (x);
  printf("\"%s\":%s,", name, digits + at);
}

static void print_state(const state *s) {
  printf("[");
  for (int i = 0; i < WORDS; i++) printf("%s%" PRIu64, i ? "," : "", i == MARK_WORD ? s->w[i] & ~MARK : s->w[i]);
  printf("]");
}

static int leads_to(const state *from, const state *to) {
  static state out[MOST_SUCCESSORS];
  int k = successors(from, out);
  for (int j = 0; j < k; j++) {
    canonical(out + j);
    if (!memcmp(out + j, to, sizeof(state))) return 1;
  }
  return 0;
}

static void print_way(int depth) {
  state *way = malloc((size_t)(depth + 1) * sizeof(state));
  way[depth] = goal_state;
  for (int d = depth; d-- > 0;)
    for (int t = 0; t < threads; t++) {
      list *l = &levels_kept[d * threads + t];
      u64 i = 0;
      while (i < l->count && !leads_to(l->states + i, way + d + 1)) i++;
      if (i < l->count) { way[d] = l->states[i]; break; }
    }
  printf("\"way\":[");
  for (int d = 0; d <= depth; d++) { if (d) printf(","); print_state(way + d); }
  printf("],");
  free(way);
}

static void keep(const char *file, int depth, u64 fired) {
  FILE *f = fopen(file, "wb");
  if (!f) return;
  u64 head[4] = {taken, (u64)depth, fired, 0}, done = next_chunk;
  fwrite(head, sizeof head, 1, f);
  for (u64 i = 0; i < places; i++)
    if (table[i * WORDS + MARK_WORD]) fwrite((void *)(table + i * WORDS), sizeof(state), 1, f);
  /* what is left of this level, by whole chunks: one that was begun is expanded again */
  u64 before = 0, left = 0;
  for (int pass = 0; pass < 2; pass++) {
    before = 0;
    for (int t = 0; t < threads; t++)
      for (u64 i = 0; i < level[t].count; i += CHUNK, before++)
        if (before >= done) {
          u64 n = level[t].count - i < CHUNK ? level[t].count - i : CHUNK;
          if (pass) fwrite(level[t].states + i, sizeof(state), n, f); else left += n;
        }
    if (!pass) fwrite(&left, sizeof left, 1, f);
  }
  u64 n = 0;
  for (int t = 0; t < threads; t++) n += ahead[t].count;
  fwrite(&n, sizeof n, 1, f);
  for (int t = 0; t < threads; t++) fwrite(ahead[t].states, sizeof(state), ahead[t].count, f);
  fclose(f);
}

static int resume(const char *file, int *depth, u64 *fired) {
  FILE *f = fopen(file, "rb");
  if (!f) return 0;
  u64 head[4], n;
  state s;
  int whole = fread(head, sizeof head, 1, f) == 1;
  if (whole) {
    places = head[0] * 2 + 4 * (u64)threads * CHUNK * MOST_SUCCESSORS;
    table = room_for(places * sizeof(state));
  }
  for (u64 i = 0; whole && i < head[0]; i++) {
    whole = fread(&s, sizeof s, 1, f) == 1;
    if (whole) put(&s, home(&s));
  }
  for (int part = 0; whole && part < 2; part++) {
    whole = fread(&n, sizeof n, 1, f) == 1;
    for (u64 i = 0; whole && i < n; i++) {
      whole = fread(&s, sizeof s, 1, f) == 1;
      append(part ? ahead : level, &s);
    }
  }
  fclose(f);
  if (!whole) { fprintf(stderr, "%s is not whole: begin anew without it\n", file); exit(2); }
  taken = head[0]; *depth = (int)head[1]; *fired = head[2];
  return 1;
}

static void on_signal(int number) { (void)number; interrupted = 1; }

int main(int argc, char **argv) {
  threads = argc > 1 ? atoi(argv[1]) : 1;
  limit = argc > 2 ? strtoull(argv[2], 0, 10) : 0;
  int keep_levels = argc > 3 && atoi(argv[3]), counting = argc > 4 && atoi(argv[4]);
  const char *file = argc > 5 && strcmp(argv[5], "-") ? argv[5] : 0;
  if (threads < 1 || threads > MOST_THREADS) return 2;
  signal(SIGINT, on_signal);
  signal(SIGTERM, on_signal);
  level = levels_kept;
  int depth = 0, complete = 1;
  u64 fired_before = 0;
  double begun = seconds(), cpu_begun = cpu_seconds();
  if (!file || !resume(file, &depth, &fired_before)) {
    places = 5ull * (u64)threads * CHUNK * MOST_SUCCESSORS;
    table = room_for(places * sizeof(state));
    state s = INITIAL;
    canonical(&s);
    s.w[MARK_WORD] |= MARK;
    put(&s, home(&s));
    taken = 1;
    append(level, &s);
    if (goal(&s)) { goal_state = s; goal_found = 1; }
  }
  pthread_t workers[MOST_THREADS];
  pthread_barrier_init(&together, 0, (unsigned)threads);
  for (int t = 1; t < threads; t++) pthread_create(workers + t, 0, work, (void *)(intptr_t)t);
  u64 widest = 0;
  while (!goal_found) {
    chunks = 0;
    u64 here = 0;
    for (int t = 0; t < threads; t++) { chunks += (level[t].count + CHUNK - 1) / CHUNK; here += level[t].count; }
    if (!here) break;
    next_chunk = 0;
    do work(0); while (next_chunk < chunks && !interrupted && !stop_early);
    if (interrupted || stop_early) { complete = 0; break; }
    u64 following = 0;
    for (int t = 0; t < threads; t++) following += ahead[t].count;
    if (here + following > widest) widest = here + following;
    if (!following) break;
    depth++;
    if (keep_levels) {
      if (depth >= 4096) { fprintf(stderr, "deeper than 4096 levels\n"); return 3; }
      level += threads;
      for (int t = 0; t < threads; t++) { level[t] = ahead[t]; ahead[t] = (list){0, 0, 0}; }
    } else
      for (int t = 0; t < threads; t++) {
        list spare = level[t];
        level[t] = ahead[t];
        spare.count = 0;
        ahead[t] = spare;
      }
  }
  double took = seconds() - begun, cpu = cpu_seconds() - cpu_begun;
  if (interrupted && file) {
    u64 fired = fired_before;
    for (int t = 0; t < threads; t++) fired += fired_by[t];
    keep(file, depth, fired);
  }
  level_done = 1;
  if (threads > 1) pthread_barrier_wait(&together);
  for (int t = 1; t < threads; t++) pthread_join(workers[t], 0);
  states = taken;
  u64 fired = fired_before;
  for (int t = 0; t < threads; t++) fired += fired_by[t];
  printf("{");
  if (goal_found && keep_levels) print_way(depth);
  if (counting && complete && !goal_found) {
    for (int t = 1; t < threads; t++) pthread_create(workers + t, 0, count, (void *)(intptr_t)t);
    count((void *)0);
    u128 all = states_by[0], labelled = labelled_by[0], distinct = distinct_by[0];
    for (int t = 1; t < threads; t++) {
      pthread_join(workers[t], 0);
      all += states_by[t]; labelled += labelled_by[t]; distinct += distinct_by[t];
    }
    print_number("states", all); print_number("transitions", labelled); print_number("distinct", distinct);
  }
  print_number("stored", states); print_number("fired", fired);
  printf("\"depth\":%d,\"found\":%s,\"complete\":%s,\"seconds\":%.6f,\"cpu_seconds\":%.6f,\"bytes_of_table\":%" PRIu64
         ",\"bytes_of_levels\":%" PRIu64 "}\n",
         depth, goal_found ? "true" : "false", complete && !goal_found ? "true" : "false", took, cpu,
         places * (u64)sizeof(state), widest * (u64)sizeof(state));
  return interrupted ? 130 : 0;
}
