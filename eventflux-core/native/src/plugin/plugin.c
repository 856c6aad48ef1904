/* The registry that a plug-in's callbacks get. See plugin.h.
 *
 *      windows:   [ efx_window * ] ...      kept by address, in the order of registration
 *      functions: [ efx_function * ] ...
 *
 * What is added is checked at once, so that a library of another ABI, or one that left out a function, is named here and not by a
 * crash later. Plug-ins are few and live as long as the process: their lists come from malloc, not from an engine. */
#include "plugin/plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/calls.h"

typedef struct address_list {
    const void **items;
    uint32_t count;
    uint32_t capacity;
} address_list;

struct ef_plugin {
    efx_registry registry;
    address_list windows;
    address_list functions;
    char message[EF_MESSAGE_SIZE];
};

static ef_plugin *plugin_of(const efx_registry *registry) {
    return registry->context;
}

static void set_error(const efx_registry *registry, const char *message) {
    ef_plugin *plugin = plugin_of(registry);
    (void)snprintf(plugin->message, sizeof plugin->message, "%s", message != NULL ? message : "unknown");
}

static int32_t refuse(const efx_registry *registry, const char *what, const char *name, const char *why) {
    char message[EF_MESSAGE_SIZE];
    (void)snprintf(message, sizeof message, "%s '%s' %s", what, name != NULL ? name : "?", why);
    set_error(registry, message);
    return -1;
}

static int32_t refuse_version(const efx_registry *registry, const char *what, const char *name, uint32_t version) {
    char why[96];
    (void)snprintf(why, sizeof why, "was built for the extension ABI %u, this engine has %u", version, EF_ABI_VERSION);
    return refuse(registry, what, name, why);
}

static int32_t add(const efx_registry *registry, address_list *list, const void *item, const char *name) {
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity > 0 ? list->capacity * 2 : 4;
        const void **grown = realloc((void *)list->items, capacity * sizeof *grown);
        if (grown == NULL) {
            return refuse(registry, "extension", name, "could not be kept: no memory");
        }
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->count++] = item;
    return 0;
}

static bool is_name(const char *name) {
    return name != NULL && name[0] != '\0';
}

static bool is_type(ef_type type) {
    return type >= EF_BOOL && type <= EF_OBJECT;
}

static int32_t add_window(const efx_registry *registry, const efx_window *window) {
    if (window == NULL) {
        return refuse(registry, "window", NULL, "is missing");
    }
    if (window->abi_version != EF_ABI_VERSION) {
        return refuse_version(registry, "window", window->name, window->abi_version);
    }
    if (!is_name(window->name) || window->namespace_name == NULL || window->description == NULL) {
        return refuse(registry, "window", window->name, "has no name, namespace or description");
    }
    for (uint32_t i = 0; i < window->parameter_count; i++) {
        const efx_parameter *parameter = &window->parameters[i];
        if (!is_name(parameter->name) || parameter->description == NULL || !is_type(parameter->type)) {
            return refuse(registry, "window", window->name, "has a parameter without name, description or type");
        }
    }
    const ef_operator_class *operator_class = window->operator_class;
    if (operator_class == NULL) {
        return refuse(registry, "window", window->name, "has no operator");
    }
    if (operator_class->abi_version != EF_ABI_VERSION || operator_class->struct_size < sizeof(ef_operator_class)) {
        return refuse_version(registry, "operator of window", window->name, operator_class->abi_version);
    }
    if (operator_class->name == NULL || operator_class->create == NULL || operator_class->destroy == NULL ||
        operator_class->process == NULL || operator_class->next_due == NULL || operator_class->size == NULL) {
        return refuse(registry, "window", window->name, "lacks create, destroy, process, next_due or size");
    }
    if ((operator_class->save == NULL) != (operator_class->load == NULL)) {
        return refuse(registry, "window", window->name, "has only one of save and load");
    }
    uint32_t large = operator_class->flags & (EF_SLOTS | EF_BATCHED);
    uint32_t allowed = EF_SLOTS | EF_BATCHED | EF_TIMERS | EF_READS_CLOCK | EF_FIFO | EF_BATCH_CHUNKS | EF_FAILS;
    if ((operator_class->flags & ~allowed) != 0) {
        return refuse(registry, "window", window->name, "has flags that plug-ins may not have");
    }
    if (large != 0 && (large != (EF_SLOTS | EF_BATCHED) || (operator_class->flags & EF_TIMERS) != 0)) {
        return refuse(registry, "window", window->name, "has one of EF_SLOTS and EF_BATCHED, or both and EF_TIMERS");
    }
    if (large != 0 && operator_class->purge == NULL) {
        return refuse(registry, "window", window->name, "has EF_SLOTS and no purge");
    }
    return add(registry, &plugin_of(registry)->windows, window, window->name);
}

static int32_t add_function(const efx_registry *registry, const efx_function *function) {
    if (function == NULL) {
        return refuse(registry, "function", NULL, "is missing");
    }
    if (function->abi_version != EF_ABI_VERSION) {
        return refuse_version(registry, "function", function->name, function->abi_version);
    }
    if (!is_name(function->name) || function->namespace_name == NULL || function->description == NULL) {
        return refuse(registry, "function", function->name, "has no name, namespace or description");
    }
    if (function->call == NULL || !is_type(function->returns)) {
        return refuse(registry, "function", function->name, "has no call or no type of result");
    }
    for (uint32_t i = 0; i < function->parameter_count; i++) {
        if (!is_type(function->parameters[i])) {
            return refuse(registry, "function", function->name, "has a parameter of no type");
        }
    }
    return add(registry, &plugin_of(registry)->functions, function, function->name);
}

ef_plugin *ef_plugin_new(void) {
    ef_plugin *plugin = calloc(1, sizeof *plugin);
    if (plugin != NULL) {
        plugin->registry = (efx_registry){.abi_version = EF_ABI_VERSION,
                                          .struct_size = sizeof(efx_registry),
                                          .calls = ef_plugin_calls(),
                                          .context = plugin,
                                          .add_window = add_window,
                                          .add_function = add_function,
                                          .set_error = set_error};
    }
    return plugin;
}

void ef_plugin_free(ef_plugin *plugin) {
    if (plugin != NULL) {
        free((void *)plugin->windows.items);
        free((void *)plugin->functions.items);
        free(plugin);
    }
}

ef_status ef_plugin_register(ef_plugin *plugin, uintptr_t function, ef_error *error) {
    int32_t (*callback)(const efx_registry *) = NULL;
    memcpy(&callback, &function, sizeof callback);
    plugin->message[0] = '\0';
    int32_t answer = callback(&plugin->registry);
    if (answer == 0) {
        return EF_OK;
    }
    if (plugin->message[0] != '\0') {
        return ef_fail(error, EF_INVALID, "%s", plugin->message);
    }
    return ef_fail(error, EF_INVALID, "it returned %d and gave no reason", answer);
}

const efx_window *ef_plugin_window(const ef_plugin *plugin, uint32_t index) {
    return index < plugin->windows.count ? plugin->windows.items[index] : NULL;
}

const efx_function *ef_plugin_function(const ef_plugin *plugin, uint32_t index) {
    return index < plugin->functions.count ? plugin->functions.items[index] : NULL;
}
