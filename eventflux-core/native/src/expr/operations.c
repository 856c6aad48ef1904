/* The table of operations; see operations.def. */
#include "expr/internal.h"

#define EF_OP(name, signature, result, nulls, flags, kernel, prepare) \
    {#name, signature, result, nulls, flags, kernel, prepare},
const ef_operation EF_OPERATIONS[] = {
#include "expr/operations.def"
};
#undef EF_OP

const uint32_t EF_OPERATION_COUNT = sizeof EF_OPERATIONS / sizeof *EF_OPERATIONS;

static const ef_operation *find(const char *name) {
    for (uint32_t i = 0; i < EF_OPERATION_COUNT; i++) {
        if (strcmp(EF_OPERATIONS[i].name, name) == 0) {
            return &EF_OPERATIONS[i];
        }
    }
    return NULL;
}

const ef_operation *ef_operation_named(const char *name) {
    return find(name);
}

const char *ef_operation_name(uint32_t index) {
    return index < EF_OPERATION_COUNT ? EF_OPERATIONS[index].name : NULL;
}

bool ef_operation_exists(const char *name) {
    return find(name) != NULL;
}
