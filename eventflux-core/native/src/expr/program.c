/* Building expression programs; see program.h and internal.h.
 *
 * Building decides everything: types are checked here, what is constant is known here, and the same pure call of the same operands is
 * the same register. Nothing that the planner can get wrong is met again while rows pass. */
#include "expr/internal.h"

#include "base/number_text.h"

#include <stdarg.h>
#include <stdio.h>

static const char *type_name(ef_type type) {
    static const char *const NAMES[] = {"?", "BOOL", "INT", "LONG", "FLOAT", "DOUBLE", "STRING", "OBJECT"};
    return type >= EF_BOOL && type <= EF_OBJECT ? NAMES[type] : NAMES[0];
}

ef_status ef_program_new(ef_alloc *alloc, uint32_t columns, const ef_type *types, ef_program **program,
                         ef_error *error) {
    ef_program *self = ef_calloc(alloc, sizeof *self);
    if (self == NULL) {
        return ef_fail_memory(error);
    }
    self->alloc = alloc;
    self->columns = columns;
    self->column_types = ef_malloc(alloc, columns);
    if (self->column_types == NULL) {
        ef_free(alloc, self, sizeof *self);
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < columns; i++) {
        self->column_types[i] = (uint8_t)types[i];
    }
    *program = self;
    return EF_OK;
}

void ef_program_free(ef_program *program) {
    if (program == NULL) {
        return;
    }
    ef_alloc *alloc = program->alloc;
    for (uint32_t i = 0; i < program->instruction_count; i++) {
        ef_free(alloc, program->instructions[i].prepared.block, program->instructions[i].prepared.size);
    }
    for (uint32_t i = 0; i < program->constant_count; i++) {
        ef_free(alloc, program->constants[i].block, program->constants[i].size);
    }
    ef_free(alloc, program->column_types, program->columns);
    ef_free(alloc, program->registers, program->register_capacity * sizeof *program->registers);
    ef_free(alloc, program->vectors, program->vector_capacity * sizeof *program->vectors);
    ef_free(alloc, program->columns_read, program->columns_read_capacity * sizeof *program->columns_read);
    ef_free(alloc, program->instructions, program->instruction_capacity * sizeof *program->instructions);
    ef_free(alloc, program->arguments, program->argument_capacity * sizeof *program->arguments);
    ef_free(alloc, program->masks, program->mask_capacity * sizeof *program->masks);
    ef_free(alloc, program->outputs, program->output_capacity * sizeof *program->outputs);
    ef_free(alloc, program->constants, program->constant_capacity * sizeof *program->constants);
    ef_free(alloc, program, sizeof *program);
}

/* Room for `more` elements in a growable array of the program. */
#define GROW(program, array, count, capacity, more, error)                                             \
    grow((program)->alloc, (void **)&(program)->array, &(program)->capacity, (program)->count + (more), \
         sizeof *(program)->array, error)

static ef_status grow(ef_alloc *alloc, void **array, uint32_t *capacity, uint32_t needed, size_t size, ef_error *error) {
    return needed <= *capacity ? EF_OK : ef_grow(alloc, array, capacity, needed, size, error);
}

static ef_status reserve_register(ef_program *program, ef_error *error) {
    EF_TRY(GROW(program, registers, register_count, register_capacity, 1, error));
    return GROW(program, vectors, register_count, vector_capacity, 1, error);
}

/* After reserve_register. */
static ef_register add_register(ef_program *program, ef_type type) {
    uint32_t index = program->register_count++;
    program->registers[index] = (ef_register_info){.type = (uint8_t)type};
    program->vectors[index] = (ef_vector){.index_mask = EF_ALL_ROWS, .type = (uint8_t)type};
    return (ef_register)index;
}

static ef_status check_register(const ef_program *program, ef_register value, ef_error *error) {
    if (value < 0 || (uint32_t)value >= program->register_count) {
        return ef_fail(error, EF_INVALID, "the program has no register %d", (int)value);
    }
    return EF_OK;
}

ef_register ef_program_column(ef_program *program, uint32_t column, ef_error *error) {
    if (column >= program->columns) {
        return ef_fail(error, EF_INVALID, "column %u of a program over %u columns", column, program->columns);
    }
    for (uint32_t i = 0; i < program->columns_read_count; i++) {
        ef_register known = program->columns_read[i];
        if (program->registers[known].column == column) {
            return known;
        }
    }
    EF_TRY(GROW(program, columns_read, columns_read_count, columns_read_capacity, 1, error));
    EF_TRY(reserve_register(program, error));
    ef_register added = add_register(program, (ef_type)program->column_types[column]);
    program->registers[added].is_column = true;
    program->registers[added].column = column;
    program->vectors[added].borrowed = true;
    program->columns_read[program->columns_read_count++] = added;
    return added;
}

/* What the null constant points to: readable as any type, and a bitmap whose bit is clear. */
static const uint64_t NOTHING[2] = {0, 0};

ef_register ef_program_constant(ef_program *program, ef_type type, const void *value, ef_error *error) {
    size_t width = ef_type_width(type);
    if (width == 0) {
        return ef_fail(error, EF_INVALID, "type %d of a constant", (int)type);
    }
    EF_TRY(reserve_register(program, error));
    EF_TRY(GROW(program, constants, constant_count, constant_capacity, 1, error));
    if (value == NULL) {
        ef_register added = add_register(program, type);
        program->vectors[added].values = (void *)(uintptr_t)NOTHING;
        program->vectors[added].validity = (uint8_t *)(uintptr_t)NOTHING;
        program->vectors[added].index_mask = 0;
        program->vectors[added].null = true;
        return added;
    }
    size_t outside = 0;
    if (type == EF_STRING || type == EF_OBJECT) {
        const ef_str *text = value;
        outside = text->length > EF_INLINE_STRING ? text->length : 0;
    }
    size_t size = 16 + outside;
    char *block = ef_calloc(program->alloc, size);
    if (block == NULL) {
        return ef_fail_memory(error);
    }
    memcpy(block, value, width);
    if (outside > 0) {
        memcpy(block + 16, ((const ef_str *)value)->as.outside.data, outside);
        ((ef_str *)(void *)block)->as.outside.data = block + 16;
    }
    program->constants[program->constant_count++] = (ef_prepared){.block = block, .size = size};
    ef_register added = add_register(program, type);
    program->vectors[added].values = block;
    program->vectors[added].index_mask = 0;
    return added;
}

const void *ef_program_constant_at(const ef_program *program, ef_register value, bool *is_constant) {
    const ef_vector *vector = &program->vectors[value];
    *is_constant = vector->values != NULL;
    return vector->null ? NULL : vector->values;
}

static ef_type letter_type(char letter) {
    switch (letter) {
    case 'b':
        return EF_BOOL;
    case 'i':
        return EF_INT;
    case 'l':
        return EF_LONG;
    case 'f':
        return EF_FLOAT;
    case 'd':
        return EF_DOUBLE;
    case 's':
        return EF_STRING;
    default:
        return EF_OBJECT;
    }
}

/* Whether operand `index` of `count` may have the type. */
static bool accepts(const char *signature, uint32_t index, ef_type type) {
    uint32_t length = (uint32_t)strlen(signature);
    if (length > 0 && signature[length - 1] == '*') {
        length--;
        if (index >= length) {
            index = length - 1;
        }
    }
    return index < length && (signature[index] == '?' || letter_type(signature[index]) == type);
}

static bool accepts_count(const char *signature, uint32_t count) {
    uint32_t length = (uint32_t)strlen(signature);
    return length > 0 && signature[length - 1] == '*' ? count + 2 >= length : count == length;
}

static ef_status wrong_operands(const ef_program *program, const ef_operation *operation, const ef_register *arguments,
                                uint32_t count, ef_error *error) {
    char given[128] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < count && used + 10 < sizeof given; i++) {
        used += (size_t)snprintf(given + used, sizeof given - used, "%s%s", i > 0 ? ", " : "",
                                 type_name(ef_program_register_type(program, arguments[i])));
    }
    return ef_fail(error, EF_INVALID, "operation %s takes '%s', got (%s)", operation->name, operation->signature, given);
}

/* The register of an earlier, equal call of a pure operation, or -1. */
static ef_register known_call(const ef_program *program, const ef_operation *operation, const ef_register *arguments,
                              uint32_t count) {
    for (uint32_t i = 0; i < program->instruction_count; i++) {
        const ef_instruction *other = &program->instructions[i];
        if (other->operation == operation && other->count == count &&
            (count == 0 || memcmp(program->arguments + other->first, arguments, count * sizeof *arguments) == 0)) {
            return other->result;
        }
    }
    return -1;
}

static ef_status reserve_instruction(ef_program *program, uint32_t count, ef_error *error) {
    EF_TRY(reserve_register(program, error));
    EF_TRY(GROW(program, arguments, argument_count, argument_capacity, count, error));
    return GROW(program, instructions, instruction_count, instruction_capacity, 1, error);
}

static ef_instruction *add_instruction(ef_program *program, ef_type result, const ef_register *arguments,
                                       uint32_t count) {
    ef_instruction *added = &program->instructions[program->instruction_count++];
    memset(added, 0, sizeof *added);
    added->first = program->argument_count;
    added->count = count;
    if (count > 0) {
        memcpy(program->arguments + program->argument_count, arguments, count * sizeof *arguments);
    }
    program->argument_count += count;
    added->result = add_register(program, result);
    return added;
}

ef_register ef_program_call(ef_program *program, const char *name, const ef_register *arguments, uint32_t count,
                            ef_error *error) {
    const ef_operation *operation = ef_operation_named(name);
    if (operation == NULL) {
        return ef_fail(error, EF_NOT_FOUND, "there is no operation '%.100s'", name);
    }
    bool constant = (operation->flags & (EF_OP_CLOCK | EF_OP_FAILS | EF_OP_RANDOM)) == 0;
    for (uint32_t i = 0; i < count; i++) {
        EF_TRY(check_register(program, arguments[i], error));
        constant = constant && program->vectors[arguments[i]].index_mask == 0;
    }
    if (!accepts_count(operation->signature, count)) {
        return wrong_operands(program, operation, arguments, count, error);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!accepts(operation->signature, i, ef_program_register_type(program, arguments[i]))) {
            return wrong_operands(program, operation, arguments, count, error);
        }
    }
    if ((operation->flags & (EF_OP_FAILS | EF_OP_RANDOM)) == 0) {
        ef_register known = known_call(program, operation, arguments, count);
        if (known >= 0) {
            return known;
        }
    }
    EF_TRY(reserve_instruction(program, count, error));
    ef_prepared prepared = {NULL, 0};
    if (operation->prepare != NULL) {
        EF_TRY(operation->prepare(program, arguments, count, program->alloc, &prepared, error));
    }
    ef_instruction *added = add_instruction(program, (ef_type)operation->result, arguments, count);
    added->operation = operation;
    added->prepared = prepared;
    added->constant = constant;
    if (constant) {
        program->vectors[added->result].index_mask = 0;
    }
    if ((operation->flags & (EF_OP_FAILS | EF_OP_RANDOM)) != 0) {
        added->mask = program->open_mask;
    }
    if ((operation->flags & EF_OP_RANDOM) != 0) {
        added->site = program->sites++;
    }
    program->reads_clock |= (operation->flags & (EF_OP_CLOCK | EF_OP_RANDOM)) != 0;
    program->can_fail |= (operation->flags & EF_OP_FAILS) != 0;
    return added->result;
}

ef_register ef_program_host_call(ef_program *program, uint32_t function, ef_type returns, const ef_register *arguments,
                                 uint32_t count, ef_error *error) {
    if (ef_type_width(returns) == 0) {
        return ef_fail(error, EF_INVALID, "type %d of a function's result", (int)returns);
    }
    for (uint32_t i = 0; i < count; i++) {
        EF_TRY(check_register(program, arguments[i], error));
    }
    EF_TRY(reserve_instruction(program, count, error));
    ef_instruction *added = add_instruction(program, returns, arguments, count);
    added->function = function;
    added->mask = program->open_mask;
    program->can_fail = true;
    return added->result;
}

ef_status ef_program_begin_mask(ef_program *program, ef_register condition, bool when, ef_error *error) {
    EF_TRY(check_register(program, condition, error));
    if (program->registers[condition].type != EF_BOOL) {
        return ef_fail(error, EF_INVALID, "a mask is a BOOL, not %s",
                       type_name((ef_type)program->registers[condition].type));
    }
    EF_TRY(GROW(program, masks, mask_count, mask_capacity, 1, error));
    program->masks[program->mask_count++] =
        (ef_mask){.condition = condition, .when = when, .parent = program->open_mask};
    program->open_mask = program->mask_count;
    return EF_OK;
}

ef_status ef_program_end_mask(ef_program *program, ef_error *error) {
    if (program->open_mask == 0) {
        return ef_fail(error, EF_STATE, "no mask is open");
    }
    program->open_mask = program->masks[program->open_mask - 1].parent;
    return EF_OK;
}

ef_status ef_program_output(ef_program *program, ef_register value, ef_error *error) {
    EF_TRY(check_register(program, value, error));
    EF_TRY(GROW(program, outputs, output_count, output_capacity, 1, error));
    program->outputs[program->output_count++] = value;
    return EF_OK;
}

uint32_t ef_program_outputs(const ef_program *program) {
    return program->output_count;
}

ef_type ef_program_output_type(const ef_program *program, uint32_t output) {
    return (ef_type)program->registers[program->outputs[output]].type;
}

ef_type ef_program_register_type(const ef_program *program, ef_register value) {
    return (ef_type)program->registers[value].type;
}

bool ef_program_output_column(const ef_program *program, uint32_t output, uint32_t *column) {
    const ef_register_info *info = &program->registers[program->outputs[output]];
    if (info->is_column && column != NULL) {
        *column = info->column;
    }
    return info->is_column;
}

bool ef_program_can_fail(const ef_program *program) {
    return program->can_fail;
}

bool ef_program_reads_clock(const ef_program *program) {
    return program->reads_clock;
}

/* ---- listing ---- */

typedef struct listing {
    ef_alloc *alloc;
    char *text;
    uint32_t length;
    uint32_t capacity;
    ef_status status;
} listing;

static void say(listing *out, ef_error *error, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void say(listing *out, ef_error *error, const char *format, ...) {
    char line[160];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (out->status != EF_OK || length < 0) {
        return;
    }
    uint32_t size = (uint32_t)length < sizeof line ? (uint32_t)length : (uint32_t)sizeof line - 1;
    if (out->length + size + 1 > out->capacity) {
        void *grown = out->text;
        out->status = ef_grow(out->alloc, &grown, &out->capacity, out->length + size + 1, 1, error);
        out->text = grown;
        if (out->status != EF_OK) {
            return;
        }
    }
    memcpy(out->text + out->length, line, size + 1);
    out->length += size;
}

static void say_operand(listing *out, const ef_program *program, ef_register value, ef_error *error) {
    const ef_register_info *info = &program->registers[value];
    const ef_vector *vector = &program->vectors[value];
    char number[EF_NUMBER_TEXT];
    if (info->is_column) {
        say(out, error, "$%u", info->column);
        return;
    }
    if (vector->values == NULL) {
        say(out, error, "r%d", (int)value);
        return;
    }
    if (vector->null) {
        say(out, error, "null");
        return;
    }
    switch ((ef_type)info->type) {
    case EF_BOOL:
        say(out, error, "%s", *(const uint8_t *)vector->values != 0 ? "true" : "false");
        return;
    case EF_INT:
        say(out, error, "%d", *(const int32_t *)vector->values);
        return;
    case EF_LONG:
        say(out, error, "%lldL", (long long)*(const int64_t *)vector->values);
        return;
    case EF_FLOAT:
        say(out, error, "%.*sf", (int)ef_format_float(*(const float *)vector->values, number), number);
        return;
    case EF_DOUBLE:
        say(out, error, "%.*s", (int)ef_format_double(*(const double *)vector->values, number), number);
        return;
    case EF_STRING: {
        const ef_str *text = vector->values;
        say(out, error, "'%.*s'%s", text->length < 60 ? (int)text->length : 60, ef_str_data(text),
            text->length > 60 ? "..." : "");
        return;
    }
    case EF_OBJECT:
        say(out, error, "object of %u bytes", ((const ef_str *)vector->values)->length);
        return;
    }
}

static void say_mask(listing *out, const ef_program *program, uint32_t mask, ef_error *error) {
    while (mask != 0) {
        const ef_mask *known = &program->masks[mask - 1];
        say(out, error, known->when ? " if " : " if not ");
        say_operand(out, program, known->condition, error);
        mask = known->parent;
    }
}

ef_status ef_program_text(const ef_program *program, ef_alloc *alloc, char **text, size_t *size, ef_error *error) {
    listing out = {.alloc = alloc};
    say(&out, error, "%s", "");
    for (uint32_t i = 0; i < program->instruction_count; i++) {
        const ef_instruction *instruction = &program->instructions[i];
        say(&out, error, "r%d = ", (int)instruction->result);
        if (instruction->operation != NULL) {
            say(&out, error, "%s", instruction->operation->name);
        } else {
            say(&out, error, "host function %u", instruction->function);
        }
        for (uint32_t j = 0; j < instruction->count; j++) {
            say(&out, error, j > 0 ? ", " : " ");
            say_operand(&out, program, program->arguments[instruction->first + j], error);
        }
        say_mask(&out, program, instruction->mask, error);
        say(&out, error, "\n");
    }
    for (uint32_t i = 0; i < program->output_count; i++) {
        say(&out, error, "out %u = ", i);
        say_operand(&out, program, program->outputs[i], error);
        say(&out, error, " %s\n", type_name(ef_program_output_type(program, i)));
    }
    if (out.status != EF_OK) {
        ef_free(alloc, out.text, out.capacity);
        return out.status;
    }
    *text = out.text;
    *size = out.capacity;
    return EF_OK;
}
