/* Triggers that come again: a period, or the times of a cron expression.
 *
 * A trigger begins with the clock: its first due time is counted from the first value that the clock takes (on the wall clock, when the app
 * starts; in playback, the first event's time), so before that it is due at once, to look at the clock, and puts nothing out. Each due time
 * is a firing of its own, also when the clock has jumped over several; its row carries the due time, not the time that the clock has
 * reached. O(1) a firing. */
#include "stream/trigger.h"

#include "graph/node.h"

#define BEGIN INT64_MIN /* due time of a trigger that has not seen the clock yet */

typedef struct trigger {
    ef_alloc *alloc;
    int64_t due;
    int64_t period; /* 0: by cron */
    ef_cron cron;
    uint16_t rank;
} trigger;

/* What one call puts out, in the slice arena. */
typedef struct firings {
    int64_t *moments;
    int64_t *causes;
    uint32_t count, capacity;
} firings;

static int64_t following(const trigger *t, int64_t moment) {
    if (t->period == 0) {
        return ef_cron_next(&t->cron, moment);
    }
    return moment > EF_NEVER - t->period ? EF_NEVER : moment + t->period;
}

static ef_status create(const ef_operator_config *config, void **self, ef_error *error) {
    (void)config;
    (void)self;
    return ef_fail(error, EF_INVALID, "a trigger is made by its definition");
}

static void destroy(void *self) {
    trigger *t = self;
    ef_free(t->alloc, t, sizeof *t);
}

static bool add_firing(firings *f, int64_t moment, int64_t cause, ef_arena *arena) {
    if (f->count == f->capacity) {
        uint32_t wanted = f->capacity > 0 ? f->capacity * 2 : 16;
        int64_t *moments = ef_arena_take(arena, wanted * sizeof *moments);
        int64_t *causes = ef_arena_take(arena, wanted * sizeof *causes);
        if (moments == NULL || causes == NULL) {
            return false;
        }
        if (f->count > 0) {
            memcpy(moments, f->moments, f->count * sizeof *moments);
            memcpy(causes, f->causes, f->count * sizeof *causes);
        }
        f->moments = moments;
        f->causes = causes;
        f->capacity = wanted;
    }
    f->moments[f->count] = moment;
    f->causes[f->count++] = cause;
    return true;
}

static ef_status put_out(const firings *f, ef_out *out, ef_error *error) {
    if (f->count == 0) {
        return EF_OK;
    }
    ef_column *column = ef_arena_take(out->arena, sizeof *column);
    if (column == NULL) {
        return ef_fail_memory(error);
    }
    *column = (ef_column){.type = EF_LONG, .values = f->moments};
    out->result = (ef_batch){.rows = f->count,
                             .columns = 1,
                             .column = column,
                             .timestamps = f->moments,
                             .causes = f->causes,
                             .form = EF_EACH_ROW};
    return EF_OK;
}

static ef_status process(void *self, uint32_t port, const ef_batch *batch, const ef_track *track, ef_out *out,
                         ef_error *error) {
    (void)port;
    (void)batch;
    trigger *t = self;
    int64_t before = t->due;
    firings fired = {0};
    ef_walk walk;
    ef_walk_init(&walk, track, t->rank);
    int64_t step;
    bool has_memory = true;
    while (has_memory && (step = ef_walk_next(&walk, t->due, INT64_MAX)) >= 0) {
        if (t->due == BEGIN) {
            t->due = following(t, track->clock[step]);
        } else {
            has_memory = add_firing(&fired, t->due, EF_CAUSE(step, walk.rank, walk.fired - 1), out->arena);
            t->due = following(t, t->due);
        }
    }
    ef_status status = has_memory ? put_out(&fired, out, error) : ef_fail_memory(error);
    if (status != EF_OK) {
        t->due = before;
    }
    return status;
}

static int64_t next_due(const void *self) {
    return ((const trigger *)self)->due;
}

static void purge(void *self, uint32_t slot) {
    if (slot == EF_ALL_SLOTS) {
        ((trigger *)self)->due = BEGIN;
    }
}

static ef_status save(const void *self, ef_writer *writer, ef_error *error) {
    ef_put_i64(writer, ((const trigger *)self)->due);
    return ef_writer_status(writer, error);
}

static ef_status load(void *self, ef_reader *reader, uint32_t version, ef_error *error) {
    (void)version;
    ((trigger *)self)->due = ef_get_i64(reader);
    return ef_reader_status(reader, error);
}

static const ef_operator_class TRIGGER_CLASS = {
    .abi_version = EF_ABI_VERSION,
    .struct_size = sizeof(ef_operator_class),
    .name = "trigger",
    .flags = EF_SLOTS | EF_BATCHED | EF_TIMERS,
    .state_version = 1,
    .create = create,
    .destroy = destroy,
    .process = process,
    .next_due = next_due,
    .purge = purge,
    .save = save,
    .load = load,
};

static ef_node_id enter_trigger(ef_engine *engine, const trigger *form, ef_error *error) {
    static const ef_type TYPES[1] = {EF_LONG};
    ef_node *node = ef_operator_begin(engine, -1, "trigger", 1, TYPES, error);
    if (node == NULL) {
        return error != NULL && error->status != EF_OK ? (ef_node_id)error->status : EF_INVALID;
    }
    trigger *made = ef_malloc(&node->alloc, sizeof *made);
    if (made == NULL) {
        ef_operator_abandon(engine, node);
        return ef_fail_memory(error);
    }
    *made = *form;
    made->alloc = &node->alloc;
    made->due = BEGIN;
    made->rank = node->rank;
    node->operator_class = &TRIGGER_CLASS;
    node->self = made;
    return ef_operator_enter(engine, node, -1, error);
}

ef_node_id ef_engine_trigger_every(ef_engine *engine, int64_t period, ef_error *error) {
    if (period <= 0) {
        return (ef_node_id)ef_fail(error, EF_INVALID, "a trigger's period must be greater than 0");
    }
    trigger form = {.period = period};
    return enter_trigger(engine, &form, error);
}

static ef_status read_cron(ef_cron *cron, const char *text, ef_cron_days days, ef_error *error) {
    EF_TRY(ef_cron_parse(cron, text, (uint32_t)strlen(text), days, error));
    return ef_cron_next(cron, 0) == EF_NEVER
               ? ef_fail(error, EF_INVALID, "cron: '%.200s' names a time that never comes", text)
               : EF_OK;
}

ef_status ef_cron_check(const char *text, ef_cron_days days, ef_error *error) {
    ef_cron cron;
    return read_cron(&cron, text, days, error);
}

ef_node_id ef_engine_trigger_cron(ef_engine *engine, const char *text, ef_cron_days days, ef_error *error) {
    trigger form = {.period = 0};
    EF_TRY(read_cron(&form.cron, text, days, error));
    form.cron.zone = &engine->zone;
    return enter_trigger(engine, &form, error);
}
