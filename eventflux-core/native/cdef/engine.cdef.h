#include "border/build.h"

/* status and values */
typedef enum { EF_BOOL, EF_INT, EF_LONG, EF_FLOAT, EF_DOUBLE, EF_STRING, EF_OBJECT, ... } ef_type;
typedef enum {
    EF_OK, EF_NO_MEMORY, EF_INVALID, EF_LIMIT, EF_STATE, EF_CORRUPT, EF_CLOSED, EF_FULL, EF_TIMEOUT, EF_NOT_FOUND, EF_HOST,
    EF_ROW, ...
} ef_status;
typedef struct ef_error {
    ef_status status;
    int32_t node;
    int64_t row;
    char message[512];
} ef_error;
typedef struct ef_alloc ef_alloc;
typedef struct ef_writer ef_writer;
typedef struct ef_operator_class ef_operator_class;

/* programs */
typedef struct ef_program ef_program;
typedef int32_t ef_register;
ef_status ef_program_new(ef_alloc *alloc, uint32_t columns, const ef_type *types, ef_program **program, ef_error *error);
void ef_program_free(ef_program *program);
ef_register ef_program_column(ef_program *program, uint32_t column, ef_error *error);
ef_register ef_program_call(ef_program *program, const char *operation, const ef_register *arguments, uint32_t count,
                            ef_error *error);
ef_register ef_program_host_call(ef_program *program, uint32_t function, ef_type returns, const ef_register *arguments,
                                 uint32_t count, ef_error *error);
ef_status ef_program_begin_mask(ef_program *program, ef_register condition, bool when, ef_error *error);
ef_status ef_program_end_mask(ef_program *program, ef_error *error);
ef_status ef_program_output(ef_program *program, ef_register value, ef_error *error);
uint32_t ef_program_outputs(const ef_program *program);
ef_type ef_program_output_type(const ef_program *program, uint32_t output);
ef_type ef_program_register_type(const ef_program *program, ef_register value);
const char *ef_operation_name(uint32_t index);
bool ef_operation_exists(const char *name);
ef_register ef_build_null(ef_program *program, ef_type type, ef_error *error);
ef_register ef_build_integer(ef_program *program, ef_type type, int64_t value, ef_error *error);
ef_register ef_build_real(ef_program *program, ef_type type, double value, ef_error *error);
ef_register ef_build_bytes(ef_program *program, ef_type type, const char *data, size_t length, ef_error *error);
ef_status ef_build_program_text(ef_program *program, ef_alloc *alloc, char **text, size_t *size, ef_error *error);
void ef_build_text_free(ef_alloc *alloc, char *text, size_t size);

/* arguments */
typedef struct ef_param_list ef_param_list;
ef_param_list *ef_param_list_new(ef_alloc *alloc);
void ef_param_list_free(ef_param_list *list);
ef_status ef_param_list_column(ef_param_list *list, ef_type type, uint32_t column, ef_error *error);
ef_status ef_param_list_null(ef_param_list *list, ef_type type, ef_error *error);
ef_status ef_param_list_integer(ef_param_list *list, ef_type type, int64_t value, ef_error *error);
ef_status ef_param_list_real(ef_param_list *list, ef_type type, double value, ef_error *error);
ef_status ef_param_list_bytes(ef_param_list *list, ef_type type, const char *data, size_t length, ef_error *error);

/* the graph */
typedef struct ef_engine ef_engine;
typedef int32_t ef_node_id;
ef_status ef_build_engine(bool playback, int64_t memory_limit, uint32_t slice_rows, bool depth_first, uint64_t seed,
                          ef_engine **engine, ef_error *error);
ef_status ef_engine_set_zone(ef_engine *engine, uint32_t count, const int64_t *from, const int64_t *offset, ef_error *error);
void ef_engine_free(ef_engine *engine);
ef_alloc *ef_engine_alloc(ef_engine *engine);
ef_node_id ef_engine_stream(ef_engine *engine, const char *name, uint32_t columns, const ef_type *types, ef_error *error);
int32_t ef_engine_query(ef_engine *engine, const char *name, ef_error *error);
ef_node_id ef_engine_filter(ef_engine *engine, ef_node_id from, ef_program *condition, ef_error *error);
ef_node_id ef_engine_map(ef_engine *engine, ef_node_id from, ef_program *outputs, ef_error *error);
ef_node_id ef_build_window(ef_engine *engine, ef_node_id from, const char *name, const ef_param_list *list,
                           bool wants_expired, ef_error *error);
ef_node_id ef_build_operator(ef_engine *engine, ef_node_id from, const ef_operator_class *operator_class,
                             const ef_param_list *list, uint32_t columns, const ef_type *types, bool wants_expired,
                             ef_error *error);
ef_node_id ef_build_select(ef_engine *engine, ef_node_id from, ef_program *arguments, uint32_t group_keys,
                           uint32_t aggregate_count, const char *const *names, const int32_t *argument_types,
                           const int32_t *argument_outputs, const int32_t *filter_outputs, ef_program *outputs, uint32_t visible, ef_program *having,
                           uint32_t order_count, const uint32_t *order_outputs, const uint8_t *order_flags, int64_t limit,
                           int64_t offset, bool current, bool expired, bool keeps_all, ef_error *error);
ef_node_id ef_build_expression_window(ef_engine *engine, ef_node_id from, ef_program *arguments,
                                      uint32_t aggregate_count, const char *const *names,
                                      const int32_t *argument_types, const int32_t *argument_outputs,
                                      ef_program *condition, bool is_batch, bool includes, bool streams,
                                      bool wants_expired, ef_error *error);
ef_node_id ef_build_rate_limit(ef_engine *engine, ef_node_id from, int rate, bool by_time, int64_t every,
                               uint32_t visible, const uint32_t *keys, uint32_t key_count, bool partitioned,
                               bool windowed, const uint8_t *aggregate, ef_error *error);
ef_type ef_aggregate_type(const char *name, ef_type argument);
const char *ef_window_name(uint32_t index);
#include "stream/trigger.h"
typedef enum { EF_CRON_SUNDAY_IS_1, EF_CRON_SUNDAY_IS_0, ... } ef_cron_days;
ef_status ef_cron_check(const char *text, ef_cron_days days, ef_error *error);
ef_node_id ef_engine_trigger_every(ef_engine *engine, int64_t period, ef_error *error);
ef_node_id ef_engine_trigger_cron(ef_engine *engine, const char *text, ef_cron_days days, ef_error *error);
ef_node_id ef_engine_gate(ef_engine *engine, ef_node_id from, bool current, bool expired, ef_error *error);
ef_node_id ef_engine_insert(ef_engine *engine, ef_node_id from, ef_node_id stream, bool current, bool expired,
                            ef_error *error);
ef_status ef_engine_fault_stream(ef_engine *engine, ef_node_id stream, ef_node_id fault, ef_error *error);
ef_node_id ef_engine_tap(ef_engine *engine, ef_node_id from, ef_error *error);
ef_status ef_engine_remove_tap(ef_engine *engine, ef_node_id tap, ef_error *error);
ef_status ef_engine_seal(ef_engine *engine, ef_error *error);
uint32_t ef_engine_nodes(const ef_engine *engine);
const char *ef_engine_node_name(const ef_engine *engine, ef_node_id node);
const char *ef_engine_node_class(const ef_engine *engine, ef_node_id node);
const char *ef_engine_driver(const ef_engine *engine, ef_node_id stream);
bool ef_engine_node_stateful(const ef_engine *engine, ef_node_id node);
uint32_t ef_engine_node_state_version(const ef_engine *engine, ef_node_id node);
int64_t ef_engine_now(const ef_engine *engine);
int64_t ef_engine_next_due(const ef_engine *engine);
uint32_t ef_engine_slice_rows(const ef_engine *engine);

/* state */
ef_status ef_engine_node_load(ef_engine *engine, ef_node_id node, const void *data, size_t length, uint32_t version,
                              ef_error *error);
ef_status ef_engine_load(ef_engine *engine, const void *data, size_t length, ef_error *error);
ef_status ef_engine_reset(ef_engine *engine, ef_error *error);
#include "border/saved.h"
typedef struct ef_saved ef_saved;
ef_status ef_saved_new(ef_engine *engine, ef_node_id node, ef_saved **saved, ef_error *error);
void ef_saved_free(ef_saved *saved);
size_t ef_saved_size(const ef_saved *saved);
void ef_saved_copy(const ef_saved *saved, char *to);

/* figures */
typedef struct ef_node_metrics {
    uint64_t rows_in;
    uint64_t rows_out;
    uint64_t calls;
    uint64_t errors;
    int64_t memory;
    uint64_t held;
    uint64_t busy_ns;
} ef_node_metrics;
ef_status ef_engine_metrics(const ef_engine *engine, ef_node_id node, ef_node_metrics *metrics);
int64_t ef_engine_memory(const ef_engine *engine);
