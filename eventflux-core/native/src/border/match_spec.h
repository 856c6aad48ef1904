/* A row pattern in pieces that cross cffi without struct layouts: appended one by one, then built. */
#ifndef EF_BORDER_MATCH_SPEC_H
#define EF_BORDER_MATCH_SPEC_H

#include "graph/build_match.h"

typedef struct ef_match_spec ef_match_spec;

ef_match_spec *ef_match_spec_new(ef_alloc *alloc) EF_MUST_USE; /* NULL: out of memory */
/* Frees the programs that were not taken by ef_build_match, too. */
void ef_match_spec_free(ef_match_spec *spec);
/* A group of variables: a bit each. */
ef_status ef_match_spec_group(ef_match_spec *spec, uint64_t variables, ef_error *error) EF_MUST_USE;
/* Programs are taken, also on failure. `name` is copied. */
ef_status ef_match_spec_variable(ef_match_spec *spec, const char *name, uint32_t name_length, uint32_t program_captures,
                                 ef_program *own, ef_program *condition, ef_error *error) EF_MUST_USE;
/* Captures and tests belong to the variable added last; flags: 1 from the last row, 2 running. */
ef_status ef_match_spec_capture(ef_match_spec *spec, int32_t kind, uint32_t group, uint32_t index, uint32_t flags,
                                uint32_t back, uint32_t column, ef_type type, ef_error *error) EF_MUST_USE;
ef_status ef_match_spec_test(ef_match_spec *spec, int32_t comparison, uint32_t left, uint32_t right,
                             ef_error *error) EF_MUST_USE;
/* What may take the next row: belongs to the position added last, before the first one to the start. */
ef_status ef_match_spec_follow(ef_match_spec *spec, uint32_t position, ef_error *error) EF_MUST_USE;
/* flags: 1 only the first row of a partition, 2 the row is not put out. */
ef_status ef_match_spec_position(ef_match_spec *spec, uint32_t variable, uint32_t flags, ef_error *error) EF_MUST_USE;
ef_status ef_match_spec_keep(ef_match_spec *spec, uint32_t column, ef_error *error) EF_MUST_USE;
ef_status ef_match_spec_output(ef_match_spec *spec, int32_t kind, uint32_t group, uint32_t index, uint32_t flags,
                               uint32_t back, uint32_t column, ef_type type, ef_error *error) EF_MUST_USE;

/* Takes the programs of the spec. */
ef_node_id ef_build_match(ef_engine *engine, ef_match_spec *spec, ef_node_id input, int64_t within, int32_t skip,
                          uint32_t skip_group, bool all_rows, bool timeouts, ef_error *error);

#endif
