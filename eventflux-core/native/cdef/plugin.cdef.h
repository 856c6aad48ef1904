#include "plugin/plugin.h"

typedef struct ef_plugin ef_plugin;
typedef struct efx_parameter {
    const char *name;
    const char *description;
    ef_type type;
    bool is_column;
    ...;
} efx_parameter;
typedef struct efx_window {
    const char *namespace_name;
    const char *name;
    const char *description;
    const efx_parameter *parameters;
    uint32_t parameter_count;
    const ef_operator_class *operator_class;
    ...;
} efx_window;
typedef struct efx_function {
    const char *namespace_name;
    const char *name;
    const char *description;
    const ef_type *parameters;
    uint32_t parameter_count;
    ef_type returns;
    ...;
} efx_function;
#define EF_ABI_VERSION ...
ef_plugin *ef_plugin_new(void);
void ef_plugin_free(ef_plugin *plugin);
ef_status ef_plugin_register(ef_plugin *plugin, uintptr_t function, ef_error *error);
const efx_window *ef_plugin_window(const ef_plugin *plugin, uint32_t index);
const efx_function *ef_plugin_function(const ef_plugin *plugin, uint32_t index);
ef_node_id ef_build_plugin_window(ef_engine *engine, ef_node_id from, uintptr_t operator_class, const ef_param_list *list,
                                  bool wants_expired, ef_error *error);
