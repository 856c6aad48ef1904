/* What the files of expr/ share: vectors, operations, instructions, and the call that a kernel gets.
 *
 *      program = registers + instructions          register r of a run = ef_vector: values, validity, index mask
 *
 * A vector holds a value for each row, or one for all rows (`index_mask` 0: an index i is read at i & index_mask, so kernels need no
 * branch). What is constant is known when the program is built; an instruction whose operands all are, is done once for all rows.
 *
 * Nulls are mostly not a kernel's business: the operation's null rule says what eval.c does around it. Values of null rows are
 * readable but mean nothing inside a program; outputs have zero bytes there. */
#ifndef EF_EXPR_INTERNAL_H
#define EF_EXPR_INTERNAL_H

#include "expr/program.h"

#define EF_ALL_ROWS UINT32_MAX
#define EF_MAX_TEXT ((size_t)16 * 1024 * 1024) /* longest text, in bytes, that repeating and padding make */

typedef struct ef_vector {
    void *values;
    uint8_t *validity;   /* NULL: no nulls */
    uint32_t index_mask; /* EF_ALL_ROWS, or 0: one value */
    uint8_t type;        /* ef_type */
    bool null;           /* one value, and it is null */
    bool owns_validity;  /* the bitmap is this vector's alone: it may be written */
    bool borrowed;       /* the values are the batch's: they may not be written */
} ef_vector;

/* What happens to null operands. */
typedef enum ef_null_rule {
    EF_NULL_NULL,  /* a null operand: the result is null; the kernel may add nulls */
    EF_NULL_FALSE, /* BOOL: a null operand: false; the result is never null */
    EF_NULL_TRUE,  /* BOOL: a null operand: true; the result is never null */
    EF_NULL_OWN    /* the kernel sees to it */
} ef_null_rule;

enum ef_operation_flags {
    EF_OP_CLOCK = 1u << 0,  /* reads the batch or the clock: not a function of its operands alone */
    EF_OP_FAILS = 1u << 1,  /* may fail a row: runs under the mask */
    EF_OP_RANDOM = 1u << 2, /* draws random numbers: two of 64 bits a row */
    EF_OP_ALIAS = 1u << 3   /* sets result->values itself: none are allocated */
};

typedef struct ef_call ef_call;
typedef struct ef_eval ef_eval;
typedef ef_status (*ef_kernel)(ef_call *call, ef_error *error);

/* What an instruction knows before rows come: a set of constants, a compiled pattern. One block, freed with the program. */
typedef struct ef_prepared {
    void *block;
    size_t size;
} ef_prepared;

typedef ef_status (*ef_prepare)(const ef_program *program, const ef_register *arguments, uint32_t count,
                                ef_alloc *alloc, ef_prepared *prepared, ef_error *error);

typedef struct ef_operation {
    const char *name;
    const char *signature; /* a letter an operand: b i l f d s o, ? any; a last '*' repeats the letter before it any number of times */
    uint8_t result;        /* ef_type */
    uint8_t nulls;         /* ef_null_rule */
    uint8_t flags;         /* ef_operation_flags */
    ef_kernel kernel;
    ef_prepare prepare;
} ef_operation;

extern const ef_operation EF_OPERATIONS[];
extern const uint32_t EF_OPERATION_COUNT;
const ef_operation *ef_operation_named(const char *name); /* NULL: there is none */

typedef struct ef_instruction {
    const ef_operation *operation; /* NULL: a call of the host */
    uint32_t function;             /* host call: its id */
    ef_register result;
    uint32_t first; /* of the operands, in program->arguments */
    uint32_t count;
    uint32_t mask;   /* 1 + index in program->masks, or 0 */
    uint32_t site;   /* EF_OP_RANDOM: number of this drawing */
    bool constant;   /* operands and result are one value for all rows */
    ef_prepared prepared;
} ef_instruction;

typedef struct ef_mask {
    ef_register condition;
    bool when;
    uint32_t parent; /* 1 + index, or 0 */
} ef_mask;

typedef struct ef_register_info {
    uint8_t type;
    bool is_column;
    uint32_t column;
} ef_register_info;

struct ef_program {
    ef_alloc *alloc;
    uint32_t columns;
    uint8_t *column_types;
    ef_register_info *registers;
    ef_vector *vectors; /* constants filled in; copied at the start of a run */
    uint32_t register_count, register_capacity, vector_capacity;
    ef_register *columns_read; /* registers that are columns */
    uint32_t columns_read_count, columns_read_capacity;
    ef_instruction *instructions;
    uint32_t instruction_count, instruction_capacity;
    ef_register *arguments;
    uint32_t argument_count, argument_capacity;
    ef_mask *masks;
    uint32_t mask_count, mask_capacity;
    uint32_t open_mask;
    ef_register *outputs;
    uint32_t output_count, output_capacity;
    ef_prepared *constants; /* blocks that hold constants */
    uint32_t constant_count, constant_capacity;
    uint32_t sites;
    bool reads_clock;
    bool can_fail;
};

/* One run. */
struct ef_eval {
    const ef_program *program;
    const ef_batch *batch;
    ef_run *run;
    ef_arena *arena;
    ef_vector *vectors;
    uint32_t rows;
    uint8_t **masks;        /* by mask: a byte a row, 1 = reached; made when first needed */
    const char **failures;  /* by row: the first failure, or NULL; NULL while nothing failed */
    uint32_t failed;
    const uint64_t *random; /* [rows][sites][2] */
};

struct ef_call {
    ef_eval *eval;
    const ef_instruction *instruction;
    const ef_register *arguments;
    uint32_t count;
    uint32_t rows; /* 1 for a constant instruction */
    ef_vector *result;
    ef_arena *arena;
};

/* Like ef_arena_take, but never NULL for size 0. */
static inline void *ef_take(ef_arena *arena, size_t size) {
    return ef_arena_take(arena, size > 0 ? size : 1);
}

static inline const ef_vector *ef_operand(const ef_call *call, uint32_t index) {
    return &call->eval->vectors[call->arguments[index]];
}

static inline bool ef_vector_null(const ef_vector *vector, uint32_t row) {
    return vector->validity != NULL && !ef_bit(vector->validity, row & vector->index_mask);
}

/* A bitmap of the arena, each byte `fill`; NULL: out of memory. */
uint8_t *ef_bitmap_new(ef_arena *arena, uint32_t rows, uint8_t fill);

/* The result's bitmap to clear bits in, all set so far but for null operands. NULL: out of memory. */
uint8_t *ef_call_nulls(ef_call *call);

/* Makes the result of the row null. */
ef_status ef_call_null(ef_call *call, uint32_t row, ef_error *error) EF_MUST_USE;

/* For EF_NULL_OWN: a bitmap with all bits clear. */
uint8_t *ef_call_no_values(ef_call *call);

/* Fails the row if it is reached; its result is null either way. `message` is copied. */
ef_status ef_call_fail(ef_call *call, uint32_t row, const char *message, ef_error *error) EF_MUST_USE;

/* The rows that a mask lets through, a byte each. */
ef_status ef_eval_mask(ef_eval *eval, uint32_t mask, const uint8_t **reached, ef_error *error) EF_MUST_USE;
/* Notes the failure of a row, unless it has failed before. `message` is copied. */
ef_status ef_eval_fail(ef_eval *eval, uint32_t row, const char *message, ef_error *error) EF_MUST_USE;
static inline bool ef_eval_has_failed(const ef_eval *eval, uint32_t row) {
    return eval->failures != NULL && eval->failures[row] != NULL;
}

/* A vector as a plain column of all rows. */
ef_status ef_eval_spread(ef_eval *eval, const ef_vector *vector, ef_column *column, ef_error *error) EF_MUST_USE;

/* The result is null in all rows. */
void ef_call_all_null(ef_call *call);

/* Runs an instruction that calls the host. */
ef_status ef_call_host(ef_call *call, ef_error *error) EF_MUST_USE;

/* The constant in a register while building: its value, NULL if it is null; *is_constant false when it is not one. */
const void *ef_program_constant_at(const ef_program *program, ef_register value, bool *is_constant);

/* A byte a bit: rows [8 g, 8 g + 8) of a bitmap as eight bytes of 0 or 1. */
static inline uint64_t ef_spread_bits(uint8_t bits) {
    uint64_t spread = (bits * 0x0101010101010101u) & 0x8040201008040201u;
    return ((spread + 0x7F7F7F7F7F7F7F7Fu) >> 7) & 0x0101010101010101u;
}

#define EF_OP(name, signature, result, nulls, flags, kernel, prepare) ef_status kernel(ef_call *call, ef_error *error);
#include "expr/operations.def"
#undef EF_OP

ef_status ef_prepare_in(const ef_program *program, const ef_register *arguments, uint32_t count, ef_alloc *alloc,
                        ef_prepared *prepared, ef_error *error) EF_MUST_USE;
ef_status ef_prepare_regexp(const ef_program *program, const ef_register *arguments, uint32_t count, ef_alloc *alloc,
                            ef_prepared *prepared, ef_error *error) EF_MUST_USE;

#endif
