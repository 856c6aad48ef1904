/* Triggers: streams that time makes. */
#ifndef EF_STREAM_TRIGGER_H
#define EF_STREAM_TRIGGER_H

#include "graph/engine.h"
#include "time/cron.h"

/* An operator without input that puts out one row, (its due time LONG), at each due time; it belongs to the present query. Insert it into the
 * trigger's stream. Every `period` ms (> 0): the first one period after the first value of the clock. */
ef_node_id ef_engine_trigger_every(ef_engine *engine, int64_t period, ef_error *error);
/* EF_OK, or why a cron expression cannot be a schedule: it cannot be read, or names a time that never comes. */
ef_status ef_cron_check(const char *text, ef_cron_days days, ef_error *error) EF_MUST_USE;
/* At the times of a cron expression. */
ef_node_id ef_engine_trigger_cron(ef_engine *engine, const char *text, ef_cron_days days, ef_error *error);

#endif
