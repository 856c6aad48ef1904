/* eventflux.h: the operator ABI, the one installed header.
 *
 * What a native operator (a window, a stream processor, an aggregator) and the engine know of each other: types, strings,
 * columnar batches, the track of clock values, and the table of functions that is an operator. A plug-in links against
 * nothing: function pointers go both ways. Built-ins use the same structures.
 *
 * Ownership words in comments: *borrow* (valid for the call, or until what is named), *take* (callee frees, also on failure),
 * *copy* (callee keeps its own), *move* (source left empty). Default: borrow.
 */
#ifndef EVENTFLUX_H
#define EVENTFLUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EF_ABI_VERSION 1u

/* ---- status and error ---------------------------------------------------------------------------------------------- */

typedef enum ef_status {
    EF_OK = 0,
    EF_NO_MEMORY = -1,  /* the allocator refused: out of memory, or the engine's limit */
    EF_INVALID = -2,    /* an argument, a parameter or a value is not acceptable */
    EF_LIMIT = -3,      /* a documented limit was reached (depth, columns, rows) */
    EF_STATE = -4,      /* the call does not fit the present state (not sealed, stopped, re-entered) */
    EF_CORRUPT = -5,    /* saved bytes are not what they should be */
    EF_CLOSED = -6,     /* the engine or the ring was closed */
    EF_FULL = -7,       /* no room, and the strategy says not to wait */
    EF_TIMEOUT = -8,    /* waited as long as was allowed */
    EF_NOT_FOUND = -9,  /* a name is not known */
    EF_HOST = -10,      /* Python code raised; the exception waits on the engine object */
    EF_ROW = -11        /* one row failed; the rest goes on (never leaves an operator) */
} ef_status;

#define EF_MESSAGE_SIZE 512

/* Filled where the fact is known; never allocates. */
typedef struct ef_error {
    ef_status status;
    int32_t node; /* operator, or -1 */
    int64_t row;  /* row of the call's input, or -1 */
    char message[EF_MESSAGE_SIZE];
} ef_error;

#if defined(__GNUC__)
#define EF_MUST_USE __attribute__((warn_unused_result))
#define EF_PACKED __attribute__((packed))
#define EF_ALIGNED(bytes) __attribute__((aligned(bytes)))
#else
#error "a compiler with GNU attributes is needed (gcc, clang)"
#endif

/* ---- values --------------------------------------------------------------------------------------------------------- */

typedef enum ef_type {
    EF_BOOL = 1,   /* uint8_t, 0 or 1 */
    EF_INT = 2,    /* int32_t */
    EF_LONG = 3,   /* int64_t */
    EF_FLOAT = 4,  /* float */
    EF_DOUBLE = 5, /* double */
    EF_STRING = 6, /* ef_str, valid UTF-8 */
    EF_OBJECT = 7  /* ef_str whose bytes are one msgpack value */
} ef_type;

typedef enum ef_kind { EF_CURRENT = 0, EF_EXPIRED = 1, EF_RESET = 2 } ef_kind;

#define EF_INLINE_STRING 12u

/* 16 bytes: length, then the bytes themselves (<= 12), or a 4-byte prefix and a pointer to all bytes.
 *      0        4                  8                16
 *      [ length ][ inlined: 12 bytes, rest zero        ]
 *      [ length ][ prefix: 4 bytes ][ data: pointer     ]
 * Unused inline bytes are zero, so two short strings are equal iff their 16 bytes are. */
typedef struct ef_str {
    uint32_t length;
    union {
        char inlined[EF_INLINE_STRING];
        struct EF_PACKED { /* the pointer lies at offset 8 of the string: aligned, though the struct does not know */
            char prefix[4];
            const char *data;
        } outside;
    } as;
} EF_ALIGNED(8) ef_str;

_Static_assert(sizeof(ef_str) == 16, "a string is 16 bytes");

/* One value a row. `validity`: bit i (LSB first) set = row i is not null; NULL = no nulls. A null row's value is zero bytes
 * for numbers and bool, and an empty string: readable, without meaning. */
typedef struct ef_column {
    void *values;
    uint8_t *validity;
    ef_type type;
} ef_column;

/* ---- batches -------------------------------------------------------------------------------------------------------- */

/* How the rows of a batch fall into deliveries (what a receiver gets in one call of its own). */
typedef enum ef_form {
    EF_EACH_ROW = 0, /* every row is a delivery */
    EF_WHOLE = 1,    /* the batch is one delivery */
    EF_ENDS = 2      /* delivery d is rows [ends[d-1], ends[d]) */
} ef_form;

/* Columnar rows. A batch never owns: its memory is the slice arena's, the operator's, or the caller's, and is valid until the
 * end of the slice. Optional arrays are NULL where nobody reads them. */
typedef struct ef_batch {
    uint32_t rows;
    uint32_t columns;
    ef_column *column;      /* [columns] */
    int64_t *timestamps;    /* [rows] */
    uint8_t *kinds;         /* [rows] of ef_kind; NULL = all CURRENT */
    int64_t *causes;        /* [rows], see EF_CAUSE; NULL = step 0, the step's own rows */
    uint32_t *slots;        /* [rows], dense partition slot; NULL = slot 0 */
    uint32_t *ends;         /* [deliveries], increasing, the last = rows; with EF_ENDS only */
    uint32_t deliveries;    /* with EF_ENDS only */
    uint8_t form;           /* ef_form */
    bool batch_chunk;       /* deliveries are batch chunks: aggregating selections emit the last row (of each group) */
} ef_batch;

/* ---- order ---------------------------------------------------------------------------------------------------------- */

/* Why a row exists: the step of the push, the rank of the operator whose timer fired (or EF_RANK_LAST for the step's own
 * row), and the number of that firing. Rows are ordered by it. 20 bits step, 16 bits rank, 27 bits firing. */
#define EF_RANK_LAST 0xFFFFu
#define EF_CAUSE(step, rank, firing) \
    (((int64_t)(step) << 43) | ((int64_t)(rank) << 27) | (int64_t)((firing)&0x7FFFFFFu))
#define EF_CAUSE_STEP(cause) ((uint32_t)((cause) >> 43))
#define EF_CAUSE_RANK(cause) ((uint32_t)(((cause) >> 27) & 0xFFFF))
#define EF_MAX_STEPS (1u << 19)

/* The clock along a slice. Step s happens at clock[s] (ms); values never fall. At each step the timers that are due fire first,
 * operator by operator in rank order, then the step's rows are handled. Rows of timers carry their causes under both drivers: an
 * operator sees from the rank whether its own pass of the step was before such a row. */
typedef struct ef_track {
    const int64_t *clock;  /* [steps] */
    int64_t before;        /* the clock before step 0: where the last pass of timers stood */
    uint32_t steps;        /* 1 under the depth-first driver */
    uint32_t max_firings;  /* most timers that this call may fire; 0 = none: the driver does the firing in calls of its own */
    const uint8_t *quiet;  /* [steps], NULL = none: 1 where no pass of timers takes place (playback: the step's timestamp was below
                            * the clock) */
} ef_track;

/* ---- operators ------------------------------------------------------------------------------------------------------ */

typedef struct ef_out ef_out;       /* where an operator puts rows; batch/out.h for built-ins, ef_out_calls for plug-ins */
typedef struct ef_alloc ef_alloc;   /* counting allocator */
typedef struct ef_writer ef_writer; /* state out */
typedef struct ef_reader ef_reader; /* state in, bounded */

typedef enum ef_param_kind { EF_PARAM_CONSTANT = 0, EF_PARAM_COLUMN = 1 } ef_param_kind;

/* An argument of a window or stream processor as the planner resolved it. */
typedef struct ef_param {
    ef_param_kind kind;
    ef_type type;     /* of the constant, or of the column */
    uint32_t column;  /* EF_PARAM_COLUMN: index in the input schema */
    bool null;        /* EF_PARAM_CONSTANT */
    union {
        uint8_t b;
        int32_t i;
        int64_t l;
        float f;
        double d;
        ef_str s; /* borrow: copy what create() keeps */
    } value;
} ef_param;

/* What an operator is made from. Valid during create(); copy what is kept. */
typedef struct ef_operator_config {
    uint32_t columns;          /* of the input rows */
    const ef_type *types;      /* [columns] */
    const ef_param *params;
    uint32_t param_count;
    uint16_t rank;             /* place in the order of firing; put into causes of timer rows */
    bool wants_expired;        /* somebody downstream reads EXPIRED rows (aggregators or output) */
    bool playback;             /* clock = event time */
    ef_alloc *alloc;           /* counted under this operator; lives as long as the operator */
} ef_operator_config;

enum ef_operator_flags {
    EF_SLOTS = 1u << 0,       /* keeps its state by slot itself (else one instance a slot is kept for it) */
    EF_BATCHED = 1u << 1,     /* takes many deliveries in one call and fires its own timers along the track */
    EF_FINDS = 1u << 2,       /* find() is implemented */
    EF_TIMERS = 1u << 3,      /* may have timers */
    EF_READS_CLOCK = 1u << 4, /* reads the clock of a row's step (retiming) */
    EF_BATCH_CHUNKS = 1u << 5, /* its output deliveries are batch chunks */
    EF_PORTS = 1u << 6,       /* has several inputs: process_inputs() is called instead of process() */
    EF_FIFO = 1u << 7,        /* its EXPIRED rows come in the order in which their CURRENT rows came */
    EF_MULTI = 1u << 8,       /* may put out several deliveries for one that came in (joins, patterns) */
    EF_FAILS = 1u << 9        /* may put rows on the error edge */
};

#define EF_NEVER INT64_MAX
#define EF_ALL_SLOTS UINT32_MAX /* purge: every slot; the operator is then as freshly created */

/* Rows of one input of an operator with EF_PORTS. Rows of all inputs are taken by rising (cause, order). */
typedef struct ef_input {
    const ef_batch *batch;
    uint32_t port;
    uint32_t order; /* which of equal causes comes first */
} ef_input;

/* An operator. All functions run under the engine lock, one at a time; none may keep a batch, call the host, or block.
 * A failing function leaves the operator as it was or in a stated, consistent state. */
typedef struct ef_operator_class {
    uint32_t abi_version; /* EF_ABI_VERSION */
    uint32_t struct_size; /* sizeof(ef_operator_class): newer members come at the end */
    const char *name;
    uint32_t flags; /* ef_operator_flags */
    uint32_t state_version; /* layout of what save() writes; load() gets the saved one */

    ef_status(EF_MUST_USE *create)(const ef_operator_config *config, void **self, ef_error *error);
    void (*destroy)(void *self);
    /* Handles `batch` (may have 0 rows: only time passes) along `track`. Every row put out carries the cause of the input row or
     * of the timer behind it, in rising order. */
    ef_status(EF_MUST_USE *process)(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                        ef_error *error);
    /* Earliest due time of all slots in ms, EF_NEVER if none. O(1). */
    int64_t (*next_due)(const void *self);
    /* Forgets one slot, or all (EF_ALL_SLOTS). NULL for operators without state. */
    void (*purge)(void *self, uint32_t slot);
    ef_status(EF_MUST_USE *save)(const void *self, ef_writer *writer, ef_error *error);
    /* Into a freshly created or wholly purged operator. save and load are NULL for operators without state. */
    ef_status(EF_MUST_USE *load)(void *self, ef_reader *reader, uint32_t version, ef_error *error);
    /* Rows now held, for metrics. */
    uint64_t (*size)(const void *self);
    /* Content of a slot that a join or an on-demand query finds, as rows on `out`. NULL unless EF_FINDS. */
    ef_status(EF_MUST_USE *find)(void *self, uint32_t slot, int64_t now, ef_out *out, ef_error *error);
    /* With EF_PORTS: as process(), for all inputs at once; at most one batch a port, sorted by port. out->input is the first. */
    ef_status(EF_MUST_USE *process_inputs)(void *self, const ef_input *inputs, uint32_t count, const ef_track *track,
                               ef_out *out, ef_error *error);
} ef_operator_class;

/* ---- plug-ins: shared libraries that bring windows and functions ------------------------------------------------------
 *
 * A library exports any of register_extension, register_windows, register_functions, register_sources, register_sinks,
 * register_stores, register_source_mappers, register_sink_mappers: `int32_t f(const efx_registry *registry)`. It looks at
 * registry->abi_version first, keeps registry->calls (the registry itself is gone after the call), adds what it brings, and returns 0; or it calls set_error and returns
 * another number, and nothing of it stays. Write EFX_PLUGIN; once in it: the engine then refuses a library of another ABI. The
 * structures that it adds are kept by address: they are static.
 *
 * Operators of plug-ins have the small form: an instance sees the deliveries of one key, one by one, as a batch; when a timer is
 * due, process() is called with a batch of no rows, and track->clock[0] is the time. One without timers may have EF_SLOTS and
 * EF_BATCHED instead, and is then as fast as a built-in: it keeps its state by batch->slots, and takes many deliveries in a call
 * (efx_ends_delivery, efx_row_clock). */

typedef struct ef_arena ef_arena; /* memory until the end of the call's slice */
typedef struct efx_rows efx_rows; /* retained rows, in pages of the operator, saved with it */

/* What the engine does for a plug-in. Newer members come at the end. */
typedef struct ef_calls {
    uint32_t abi_version; /* EF_ABI_VERSION */
    uint32_t struct_size;

    /* Fills `error` and returns `status`, so that `return calls->fail(...)` reads well. */
    ef_status (*fail)(ef_error *error, ef_status status, const char *message);

    /* Memory counted under the operator; NULL: none left. `size` is given back on release. */
    void *(*allocate)(ef_alloc *alloc, size_t size); /* zeroed */
    void *(*reallocate)(ef_alloc *alloc, void *block, size_t old_size, size_t size);
    void (*release)(ef_alloc *alloc, void *block, size_t size);
    void *(*take)(ef_arena *arena, size_t size); /* for the values of a function's result */

    /* Rows out of process(): row `row` of its batch, a retained row, a RESET; then finish(), once, if any was put. `at` is the
     * row of the batch because of which they are put, EFX_TIMER where a timer is the reason. With EF_BATCHED, end_delivery()
     * stands behind what the last row of a delivery has put. */
    ef_status (*put_row)(ef_out *out, uint32_t row, int64_t timestamp, ef_kind kind, ef_error *error);
    ef_status (*put_kept)(ef_out *out, uint32_t kept, uint32_t at, int64_t timestamp, ef_kind kind, ef_error *error);
    ef_status (*put_reset)(ef_out *out, uint32_t at, int64_t timestamp, ef_error *error);
    void (*end_delivery)(ef_out *out);
    ef_status (*finish)(ef_out *out, const efx_rows *rows, ef_error *error); /* rows: NULL where none was put */
    /* Row `row` of the batch failed: it goes on the error edge; the others go on. */
    ef_status (*fail_row)(ef_out *out, uint32_t row, const char *message, ef_error *error);

    /* Retained rows of the operator's input. A row that was dropped may still be put in the same call. */
    ef_status (*rows_new)(const ef_operator_config *config, efx_rows **rows, ef_error *error);
    void (*rows_free)(efx_rows *rows);
    ef_status (*rows_keep)(efx_rows *rows, const ef_batch *batch, uint32_t row, uint32_t *kept, ef_error *error);
    /* All rows of a batch at once, much faster than one by one: kept[batch->rows], memory of the call. All or none. */
    ef_status (*rows_keep_all)(efx_rows *rows, const ef_batch *batch, ef_out *out, uint32_t **kept, ef_error *error);
    void (*rows_drop)(efx_rows *rows, uint32_t kept);
    int64_t (*rows_timestamp)(const efx_rows *rows, uint32_t kept);
    /* The value of a column into `value` (of the column's type); false: null. A text is valid until the end of the call. */
    bool (*rows_value)(const efx_rows *rows, uint32_t kept, uint32_t column, void *value);
    void (*rows_save)(const efx_rows *rows, ef_writer *writer);
    /* Into new rows; `kept` are the [count] handles that the operator has saved: each is checked to be a row, and one's own. */
    ef_status (*rows_load)(efx_rows *rows, ef_reader *reader, const uint32_t *kept, uint32_t count, ef_error *error);

    /* State: puts are checked once, at the end, by writer_status; reads behind the end give zeros, and reader_status fails. */
    void (*write)(ef_writer *writer, const void *data, size_t length);
    void (*write_u32)(ef_writer *writer, uint32_t value);
    void (*write_i64)(ef_writer *writer, int64_t value);
    void (*write_f64)(ef_writer *writer, double value);
    ef_status (*writer_status)(const ef_writer *writer, ef_error *error);
    const void *(*read)(ef_reader *reader, size_t length); /* NULL: too short */
    uint32_t (*read_u32)(ef_reader *reader);
    int64_t (*read_i64)(ef_reader *reader);
    double (*read_f64)(ef_reader *reader);
    ef_status (*reader_status)(const ef_reader *reader, ef_error *error);
} ef_calls;

/* A parameter of a window: a constant, or a column of its input. */
typedef struct efx_parameter {
    const char *name;
    const char *description;
    ef_type type;
    bool is_column;
} efx_parameter;

typedef struct efx_window {
    uint32_t abi_version; /* EF_ABI_VERSION */
    const char *namespace_name; /* "" for none */
    const char *name;
    const char *description;
    const efx_parameter *parameters;
    uint32_t parameter_count;
    const ef_operator_class *operator_class;
} efx_window;

/* A scalar function. `call` gets `rows` values of each argument and fills `result`: its values are zeros and all its rows valid
 * when it is called; clear the validity bit of a null, set failed[i] for a row that failed. Pure: no state, same result for same
 * arguments. It runs without Python, and may run for several apps at once. */
typedef struct efx_function {
    uint32_t abi_version; /* EF_ABI_VERSION */
    const char *namespace_name;
    const char *name;
    const char *description;
    const ef_type *parameters;
    uint32_t parameter_count;
    ef_type returns;
    ef_status (*call)(uint32_t rows, uint32_t count, const ef_column *arguments, ef_column *result, uint8_t *failed,
                      ef_arena *arena, ef_error *error);
} efx_function;

typedef struct efx_registry efx_registry;
struct efx_registry {
    uint32_t abi_version; /* EF_ABI_VERSION of the engine */
    uint32_t struct_size;
    const ef_calls *calls; /* lives as long as the process */
    void *context;
    int32_t (*add_window)(const efx_registry *registry, const efx_window *window);       /* 0, or the error is set */
    int32_t (*add_function)(const efx_registry *registry, const efx_function *function); /* 0, or the error is set */
    void (*set_error)(const efx_registry *registry, const char *message);
};

#define EFX_TIMER UINT32_MAX

#define EFX_EXPORT __attribute__((visibility("default")))
#define EFX_PLUGIN EFX_EXPORT const uint32_t efx_abi_version = EF_ABI_VERSION

/* ---- small helpers ---- */

static inline bool efx_is_null(const ef_column *column, uint32_t row) {
    return column->validity != NULL && (column->validity[row / 8] >> (row % 8) & 1u) == 0;
}

static inline void efx_set_null(ef_column *column, uint32_t row) {
    if (column->validity != NULL) {
        column->validity[row / 8] = (uint8_t)(column->validity[row / 8] & ~(1u << (row % 8)));
    }
}

/* The partition slot of a row. */
static inline uint32_t efx_row_slot(const ef_batch *batch, uint32_t row) {
    return batch->slots != NULL ? batch->slots[row] : 0;
}

/* The clock at which a row is handled. */
static inline int64_t efx_row_clock(const ef_batch *batch, uint32_t row, const ef_track *track) {
    return track->clock[track->steps > 1 && batch->causes != NULL ? EF_CAUSE_STEP(batch->causes[row]) : 0];
}

/* Whether a delivery ends behind a row; *delivery counts them and begins at 0. Asked for each row, in order. */
static inline bool efx_ends_delivery(const ef_batch *batch, uint32_t row, uint32_t *delivery) {
    if (batch->form == EF_EACH_ROW) {
        return true;
    }
    if (batch->form == EF_WHOLE) {
        return row + 1 == batch->rows;
    }
    if (row + 1 == batch->ends[*delivery]) {
        ++*delivery;
        return true;
    }
    return false;
}

static inline const char *efx_text(const ef_str *text) {
    return text->length <= EF_INLINE_STRING ? text->as.inlined : text->as.outside.data;
}

#endif
