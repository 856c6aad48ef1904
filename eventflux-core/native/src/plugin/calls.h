/* The table of what the engine does for plug-ins. */
#ifndef EF_PLUGIN_CALLS_H
#define EF_PLUGIN_CALLS_H

#include "eventflux.h"

const ef_calls *ef_plugin_calls(void);

#endif
