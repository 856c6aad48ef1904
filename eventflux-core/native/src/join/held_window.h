/* What a named window holds, for those that search it beside the edges: joins, `in`, queries on demand.
 *
 * Each condition compiled while the graph is built has a mirror of its own, indexed by its equalities, if the window is a queue. Other windows, and
 * conditions that come later, ask the window for its rows. */
#ifndef EF_JOIN_HELD_WINDOW_H
#define EF_JOIN_HELD_WINDOW_H

#include "graph/engine.h"
#include "join/content.h"

typedef struct ef_held_window ef_held_window;

/* `window`: the operator whose rows a gate publishes; conditions are compiled into `alloc`'s memory. */
ef_status ef_held_window_create(ef_engine *engine, ef_node_id window, bool publishes_expired, ef_alloc *alloc,
                                ef_held_window **made, ef_error *error) EF_MUST_USE;
void ef_held_window_destroy(ef_held_window *held);
ef_content *ef_held_window_content(ef_held_window *held);

/* Follows what the window has put out; expired rows of a batch that was searched get the timestamps with which they came. */
ef_status ef_held_window_follow(ef_held_window *held, ef_batch *rows, ef_arena *arena, ef_error *error) EF_MUST_USE;
void ef_held_window_clear(ef_held_window *held);
void ef_held_window_save(const ef_held_window *held, ef_writer *writer);
ef_status ef_held_window_load(ef_held_window *held, ef_reader *reader, ef_error *error) EF_MUST_USE;

#endif
