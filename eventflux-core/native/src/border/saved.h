/* State on its way out: filled under the engine lock in microseconds, turned into bytes by another thread while the engine runs on. */
#ifndef EF_BORDER_SAVED_H
#define EF_BORDER_SAVED_H

#include "graph/engine.h"

typedef struct ef_saved ef_saved;

/* State of an operator, or with node < 0 the engine's own section. Inside. */
ef_status ef_saved_new(ef_engine *engine, ef_node_id node, ef_saved **saved, ef_error *error) EF_MUST_USE;
void ef_saved_free(ef_saved *saved);
size_t ef_saved_size(const ef_saved *saved);
void ef_saved_copy(const ef_saved *saved, char *to);

#endif
