/* What the Python builder needs beside graph/engine.h: arguments and selections in pieces that cross cffi without struct layouts. */
#ifndef EF_BORDER_BUILD_H
#define EF_BORDER_BUILD_H

#include "graph/engine.h"

/* Arguments of a window or operator, appended one by one. Owns copies of string values. */
typedef struct ef_param_list ef_param_list;

ef_param_list *ef_param_list_new(ef_alloc *alloc) EF_MUST_USE; /* NULL: out of memory */
void ef_param_list_free(ef_param_list *list);
ef_status ef_param_list_column(ef_param_list *list, ef_type type, uint32_t column, ef_error *error) EF_MUST_USE;
ef_status ef_param_list_null(ef_param_list *list, ef_type type, ef_error *error) EF_MUST_USE;
/* BOOL, INT, LONG. */
ef_status ef_param_list_integer(ef_param_list *list, ef_type type, int64_t value, ef_error *error) EF_MUST_USE;
/* FLOAT, DOUBLE. */
ef_status ef_param_list_real(ef_param_list *list, ef_type type, double value, ef_error *error) EF_MUST_USE;
/* STRING, OBJECT: copies. */
ef_status ef_param_list_bytes(ef_param_list *list, ef_type type, const char *data, size_t length,
                              ef_error *error) EF_MUST_USE;

/* Borrows the parameters, as long as the list is not changed. */
const ef_param *ef_param_list_items(const ef_param_list *list, uint32_t *count);

ef_status ef_build_engine(bool playback, int64_t memory_limit, uint32_t slice_rows, bool depth_first, uint64_t seed,
                          ef_engine **engine, ef_error *error) EF_MUST_USE;

ef_node_id ef_build_window(ef_engine *engine, ef_node_id from, const char *name, const ef_param_list *list,
                           bool wants_expired, ef_error *error);
/* A window of a plug-in: its class by address. */
ef_node_id ef_build_plugin_window(ef_engine *engine, ef_node_id from, uintptr_t operator_class,
                                  const ef_param_list *list, bool wants_expired, ef_error *error);
ef_node_id ef_build_operator(ef_engine *engine, ef_node_id from, const ef_operator_class *operator_class,
                             const ef_param_list *list, uint32_t columns, const ef_type *types, bool wants_expired,
                             ef_error *error);

/* Constants of a program. NULL and numbers as in the list above. */
ef_register ef_build_null(ef_program *program, ef_type type, ef_error *error);
ef_register ef_build_integer(ef_program *program, ef_type type, int64_t value, ef_error *error);
ef_register ef_build_real(ef_program *program, ef_type type, double value, ef_error *error);
ef_register ef_build_bytes(ef_program *program, ef_type type, const char *data, size_t length, ef_error *error);

/* Listing of a program; freed with ef_build_text_free. */
ef_status ef_build_program_text(ef_program *program, ef_alloc *alloc, char **text, size_t *size,
                                ef_error *error) EF_MUST_USE;
void ef_build_text_free(ef_alloc *alloc, char *text, size_t size);

/* A selection: programs are taken (freed with the operator or on failure); arrays are borrowed. order_flags: bit 0 descending, bit 1 nulls first. */
ef_node_id ef_build_select(ef_engine *engine, ef_node_id from, ef_program *arguments, uint32_t group_keys,
                           uint32_t aggregate_count, const char *const *names, const int32_t *argument_types,
                           const int32_t *argument_outputs, const int32_t *filter_outputs, ef_program *outputs, uint32_t visible, ef_program *having,
                           uint32_t order_count, const uint32_t *order_outputs, const uint8_t *order_flags, int64_t limit,
                           int64_t offset, bool current, bool expired, bool keeps_all, ef_error *error);

/* A window bounded by a condition (window/expression.h); programs and arrays as of a selection. */
ef_node_id ef_build_expression_window(ef_engine *engine, ef_node_id from, ef_program *arguments,
                                      uint32_t aggregate_count, const char *const *names,
                                      const int32_t *argument_types, const int32_t *argument_outputs,
                                      ef_program *condition, bool is_batch, bool includes, bool streams,
                                      bool wants_expired, ef_error *error);

/* A rate limiter; see ops/rate_limit.h. aggregate[visible]: 1 where a column comes of an aggregate. */
ef_node_id ef_build_rate_limit(ef_engine *engine, ef_node_id from, int rate, bool by_time, int64_t every,
                               uint32_t visible, const uint32_t *keys, uint32_t key_count, bool partitioned,
                               bool windowed, const uint8_t *aggregate, ef_error *error);

#endif
