/* A shared library that brings windows and functions: what it has registered, and the calls that it is given.
 *
 * Opening the library and finding its symbols is Python's business: here come the addresses. */
#ifndef EF_PLUGIN_PLUGIN_H
#define EF_PLUGIN_PLUGIN_H

#include "base/status.h"

typedef struct ef_plugin ef_plugin;

/* NULL: no memory. */
ef_plugin *ef_plugin_new(void);
void ef_plugin_free(ef_plugin *plugin);

/* Calls one register_* function of the library. On failure `error` says what it said. */
ef_status ef_plugin_register(ef_plugin *plugin, uintptr_t function, ef_error *error) EF_MUST_USE;

/* What it has added, by index; NULL beyond the last. Valid as long as the plug-in and its library. */
const efx_window *ef_plugin_window(const ef_plugin *plugin, uint32_t index);
const efx_function *ef_plugin_function(const ef_plugin *plugin, uint32_t index);

#endif
