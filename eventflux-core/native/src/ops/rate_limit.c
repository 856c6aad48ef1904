/* Life of rate limiters; see rate_limit_inside.h. */
#include "ops/rate_limit_inside.h"

static ef_rate_keeps keeps_of(const ef_rate_limiter *limiter, const ef_rate_limit_config *limit, bool only_aggregates) {
    bool groups = limit->key_count > 0;
    switch (limit->rate) {
    case EF_RATE_ALL:
        return EF_RATE_KEEPS_ROWS;
    case EF_RATE_FIRST:
    case EF_RATE_LAST:
        return groups ? EF_RATE_KEEPS_GROUPS : EF_RATE_KEEPS_LAST;
    case EF_RATE_SNAPSHOT:
        break;
    }
    if (!limit->windowed) {
        return groups ? EF_RATE_KEEPS_GROUPS : EF_RATE_KEEPS_LAST;
    }
    if (only_aggregates) {
        return groups ? EF_RATE_KEEPS_COUNTED : EF_RATE_KEEPS_LAST;
    }
    return groups && limiter->aggregates ? EF_RATE_KEEPS_GROUPED_WINDOW : EF_RATE_KEEPS_WINDOW;
}

static ef_status configure(ef_rate_limiter *limiter, const ef_operator_config *config,
                           const ef_rate_limit_config *limit, ef_error *error) {
    if (limit->every <= 0) {
        return ef_fail(error, EF_INVALID, "an output rate must be above 0, not %lld", (long long)limit->every);
    }
    if (limit->visible > config->columns) {
        return ef_fail(error, EF_INVALID, "%u visible columns of %u", limit->visible, config->columns);
    }
    ef_alloc *alloc = config->alloc;
    limiter->keys = ef_malloc(alloc, limit->key_count * sizeof *limiter->keys);
    limiter->key_count = limiter->keys != NULL ? limit->key_count : 0;
    limiter->aggregate = ef_calloc(alloc, limit->visible * sizeof *limiter->aggregate);
    limiter->visible = limiter->aggregate != NULL ? limit->visible : 0;
    if (limiter->keys == NULL || limiter->aggregate == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t k = 0; k < limit->key_count; k++) {
        if (limit->keys[k] >= config->columns) {
            return ef_fail(error, EF_INVALID, "group key %u is a column that is not there", k);
        }
        limiter->keys[k] = limit->keys[k];
    }
    uint32_t aggregates = 0;
    for (uint32_t c = 0; limit->aggregate != NULL && c < limit->visible; c++) {
        limiter->aggregate[c] = limit->aggregate[c];
        aggregates += limit->aggregate[c];
    }
    limiter->rate = limit->rate;
    limiter->by_time = limit->by_time || limit->rate == EF_RATE_SNAPSHOT;
    limiter->every = limit->every;
    limiter->partitioned = limit->partitioned;
    limiter->seed = limit->hash_seed;
    limiter->aggregates = aggregates > 0;
    limiter->keeps = keeps_of(limiter, limit, aggregates > 0 && aggregates == limit->visible);
    limiter->forgets = limit->rate != EF_RATE_SNAPSHOT;
    limiter->ticks = limiter->by_time && limit->rate != EF_RATE_FIRST;
    return ef_slots_reserve(&limiter->slots, alloc, 1, error);
}

ef_status ef_rate_limit_create(const ef_operator_config *config, const ef_rate_limit_config *limit,
                               const ef_operator_class **operator_class, void **self, ef_error *error) {
    ef_rate_limiter *limiter = ef_calloc(config->alloc, sizeof *limiter);
    if (limiter == NULL) {
        return ef_fail_memory(error);
    }
    ef_status status = ef_window_init(&limiter->base, config, error);
    if (status != EF_OK) {
        ef_free(config->alloc, limiter, sizeof *limiter);
        return status;
    }
    ef_slots_init(&limiter->slots, sizeof(ef_rate_slot));
    ef_handle_index_init(&limiter->index, config->alloc);
    status = configure(limiter, config, limit, error);
    if (status != EF_OK) {
        ef_rate_destroy(limiter);
        return status;
    }
    *operator_class = limiter->ticks     ? &ef_rate_ticks_class
                      : limiter->by_time ? &ef_rate_first_class
                                         : &ef_rate_events_class;
    *self = limiter;
    return EF_OK;
}

ef_status ef_rate_create_plain(const ef_operator_config *config, void **self, ef_error *error) {
    (void)config, (void)self;
    return ef_fail(error, EF_INVALID, "a rate limiter is made by ef_rate_limit_create");
}

void ef_rate_destroy(void *self) {
    ef_rate_limiter *limiter = self;
    ef_alloc *alloc = limiter->base.alloc;
    ef_free(alloc, limiter->keys, limiter->key_count * sizeof *limiter->keys);
    ef_free(alloc, limiter->aggregate, limiter->visible * sizeof *limiter->aggregate);
    ef_slots_clear(&limiter->slots, alloc);
    ef_timers_clear(&limiter->timers, alloc);
    ef_handle_index_clear(&limiter->index);
    ef_window_clear(&limiter->base);
    ef_free(alloc, limiter, sizeof *limiter);
}

static void purge_slot(ef_rate_limiter *limiter, uint32_t slot) {
    ef_rate_empty(limiter, slot);
    *ef_rate_slot_at(limiter, slot) = (ef_rate_slot){0};
    if (slot < limiter->timers.place_capacity) {
        ef_timers_set(&limiter->timers, slot, EF_NEVER);
    }
}

void ef_rate_purge(void *self, uint32_t slot) {
    ef_rate_limiter *limiter = self;
    if (slot != EF_ALL_SLOTS) {
        if (slot < limiter->slots.count) {
            purge_slot(limiter, slot);
        }
        return;
    }
    for (uint32_t s = 0; s < limiter->slots.count; s++) {
        purge_slot(limiter, s);
    }
    ef_handle_index_clear(&limiter->index);
}

ef_status ef_rate_end(void *self, ef_out *out, ef_error *error) {
    ef_rate_limiter *limiter = self;
    if (limiter->rate != EF_RATE_ALL && limiter->rate != EF_RATE_LAST) {
        return EF_OK;
    }
    for (uint32_t slot = 0; slot < limiter->slots.count; slot++) {
        ef_rate_slot *state = ef_rate_slot_at(limiter, slot);
        state->number = 0;
        if (state->count > 0) {
            EF_TRY(ef_rate_put_entries(limiter, slot, EF_CAUSE(0, limiter->base.rank, 0), out, error));
        }
        if (slot < limiter->timers.place_capacity) {
            ef_timers_set(&limiter->timers, slot, EF_NEVER);
        }
    }
    if (out->rows == 0) {
        return EF_OK;
    }
    EF_TRY(ef_out_finish(out, limiter->base.pages, &limiter->base.layout, false, error));
    ef_rate_cut(limiter, out);
    return EF_OK;
}

uint64_t ef_rate_size(const void *self) {
    return ((const ef_rate_limiter *)self)->base.held;
}
