#include "border/match_spec.h"

typedef struct ef_match_spec ef_match_spec;
ef_match_spec *ef_match_spec_new(ef_alloc *alloc);
void ef_match_spec_free(ef_match_spec *spec);
ef_status ef_match_spec_group(ef_match_spec *spec, uint64_t variables, ef_error *error);
ef_status ef_match_spec_variable(ef_match_spec *spec, const char *name, uint32_t name_length, uint32_t program_captures,
                                 ef_program *own, ef_program *condition, ef_error *error);
ef_status ef_match_spec_capture(ef_match_spec *spec, int32_t kind, uint32_t group, uint32_t index, uint32_t flags,
                                uint32_t back, uint32_t column, ef_type type, ef_error *error);
ef_status ef_match_spec_test(ef_match_spec *spec, int32_t comparison, uint32_t left, uint32_t right, ef_error *error);
ef_status ef_match_spec_follow(ef_match_spec *spec, uint32_t position, ef_error *error);
ef_status ef_match_spec_position(ef_match_spec *spec, uint32_t variable, uint32_t flags, ef_error *error);
ef_status ef_match_spec_keep(ef_match_spec *spec, uint32_t column, ef_error *error);
ef_status ef_match_spec_output(ef_match_spec *spec, int32_t kind, uint32_t group, uint32_t index, uint32_t flags,
                               uint32_t back, uint32_t column, ef_type type, ef_error *error);
ef_node_id ef_build_match(ef_engine *engine, ef_match_spec *spec, ef_node_id input, int64_t within, int32_t skip,
                          uint32_t skip_group, bool all_rows, bool timeouts, ef_error *error);
