/* The selection: group by, aggregators, output expressions, having, batch reduction, order by, limit; eventfluxql.md section 8. */
#ifndef EF_OPS_SELECT_H
#define EF_OPS_SELECT_H

#include "base/hash.h"
#include "batch/out.h"
#include "expr/program.h"

typedef struct ef_aggregate_config {
    const char *name;        /* aggregator: sum_long, avg, count, min_double, distinct_count, ... */
    ef_type argument;        /* type of the argument; 0 = none */
    int32_t argument_output; /* which output of `arguments` is its argument, or -1 */
    uint32_t filter;         /* 1 + which output, a BOOL, says whether a row counts; 0: all do */
} ef_aggregate_config;

typedef struct ef_order_key {
    uint32_t output; /* output column (hidden ones included) */
    bool descending;
    bool nulls_first;
} ef_order_key;

/* In which order EXPIRED rows come, as far as whoever builds the graph knows. A promise: extremes and the like keep only what it leaves
 * necessary. */
typedef enum ef_removal {
    EF_REMOVAL_ANY = 0, /* any order */
    EF_REMOVAL_FIFO,    /* the rows of each group leave in the order in which they came (windows by length or time, batches) */
    EF_REMOVAL_NONE     /* no EXPIRED rows come (no window; a batch window that brings RESET only) */
} ef_removal;

/* All programs are taken: freed with the operator, and by create() when it fails. */
typedef struct ef_select_config {
    ef_program *arguments; /* input columns -> group keys, then aggregator arguments; NULL when there are none */
    uint32_t group_keys;   /* how many of its first outputs are group keys */
    const ef_aggregate_config *aggregates;
    uint32_t aggregate_count;
    ef_program *outputs; /* input columns followed by one column an aggregate -> output columns, visible ones first */
    uint32_t visible;    /* output columns that are put out; the others serve having and order by */
    ef_program *having;  /* output columns, hidden included -> BOOL; or NULL */
    const ef_order_key *order;
    uint32_t order_count;
    int64_t limit;  /* -1: none */
    int64_t offset; /* 0: none */
    bool current;   /* kinds that the output wants */
    bool expired;
    ef_removal removal; /* of the input rows */
    bool keeps_all;     /* batch chunks are not reduced to their last rows (output snapshot) */
    uint64_t hash_seed;
    ef_host *host;
    ef_random *random;
} ef_select_config;

/* Makes the operator; `config` as for every operator, `select` beside it. The class is ef_select_class (SLOTS | BATCHED; READS_CLOCK if a program does). */
ef_status ef_select_create(const ef_operator_config *config, const ef_select_config *select, void **self,
                           ef_error *error) EF_MUST_USE;
extern const ef_operator_class ef_select_class;
/* Whether a batch can be folded while the window collects it: what is put out of it are aggregates and keys, of each group once, and nothing in it
 * depends on when it is computed. */
bool ef_select_may_fold_ahead(const void *operator);
/* From now on, before any row: CURRENT rows are counted and not put out; with a RESET, which comes behind the rows of a batch, the groups of its slot
 * go out, in the order in which they began, and are empty. */
void ef_select_fold_ahead(void *operator);
/* Whether the selection can take rows that stay in place (batch/out.h): it aggregates plain columns, and tests and orders nothing. */
bool ef_select_takes_few(const void *operator);
bool ef_select_puts_out_expired(const void *operator);
/* As process(), for those. No row of such a selection can fail. */
ef_status ef_select_few(void *operator, const ef_out *rows, const ef_track *track, ef_out *out, ef_error *error) EF_MUST_USE;
/* Result type of an aggregator for an argument type (0 = no argument), or 0 when there is no such aggregator. */
ef_type ef_aggregate_type(const char *name, ef_type argument);

#endif
