#include "border/pattern_spec.h"

typedef struct ef_pattern_spec ef_pattern_spec;
ef_pattern_spec *ef_pattern_spec_new(ef_alloc *alloc);
void ef_pattern_spec_free(ef_pattern_spec *spec);
ef_status ef_pattern_spec_port(ef_pattern_spec *spec, ef_engine *engine, ef_node_id input, ef_error *error);
ef_status ef_pattern_spec_state(ef_pattern_spec *spec, int32_t kind, uint32_t port, uint32_t minimum, uint32_t maximum,
                                int64_t wait, int32_t next, int32_t every, int32_t group, uint32_t flags,
                                uint32_t first_side, uint32_t sides, uint32_t program_captures, ef_program *own,
                                ef_program *condition, ef_error *error);
ef_status ef_pattern_spec_capture(ef_pattern_spec *spec, int32_t kind, uint32_t state, uint32_t index, bool from_last,
                                  uint32_t column, ef_type type, ef_error *error);
ef_status ef_pattern_spec_own_column(ef_pattern_spec *spec, uint32_t column, ef_error *error);
ef_status ef_pattern_spec_keep(ef_pattern_spec *spec, uint32_t column, ef_error *error);
ef_status ef_pattern_spec_test(ef_pattern_spec *spec, int32_t comparison, ef_type type, uint32_t own, int32_t capture,
                               int64_t whole, double real, ef_error *error);
ef_status ef_pattern_spec_output(ef_pattern_spec *spec, int32_t kind, uint32_t state, uint32_t index, bool from_last,
                                 uint32_t column, ef_type type, ef_error *error);
ef_node_id ef_build_pattern(ef_engine *engine, ef_pattern_spec *spec, int64_t within, uint32_t within_events,
                            uint64_t most_matches, bool drops_oldest, bool sequence, bool partitioned, bool timeouts,
                            ef_error *error);
