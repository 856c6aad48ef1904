/* Rows to groups, through the index by (slot, key); resets; giving groups back. See select_inside.h. */
#include "ops/select_keys.h"

#define NO_PLACE UINT32_MAX
#define FAR_GROUPS 4096u /* from here on the index and the groups are not expected in the nearest caches */

ef_status ef_select_reserve_slots(ef_select *self, uint32_t count, ef_error *error) {
    if (EF_LIKELY(count <= self->slot_count)) {
        return EF_OK;
    }
    void *slots = self->slots;
    ef_status status = ef_grow(self->alloc, &slots, &self->slot_capacity, count, sizeof *self->slots, error);
    self->slots = slots;
    EF_TRY(status);
    for (uint32_t s = self->slot_count; s < count; s++) {
        self->slots[s] = (ef_select_slot){.first = EF_NO_HANDLE};
    }
    self->slot_count = count;
    return EF_OK;
}

/* A group without rows yet. `row`: where its texts stand; unused without keys. */
static ef_status group_add(const ef_select_call *call, const uint64_t *words, uint32_t nulls, bool deep, uint32_t row,
                           uint32_t slot, uint32_t hash, ef_handle *handle) {
    ef_select *self = call->self;
    EF_TRY(ef_select_reserve_slots(self, slot + 1, call->error));
    if (self->key_count > 0) {
        EF_TRY(ef_handle_index_reserve(&self->index, 1, call->error));
    }
    EF_TRY(ef_pages_take(self->pages, self->group_size, handle, call->error));
    ef_group *group = ef_group_write(self, *handle);
    if (group == NULL) {
        ef_pages_give(self->pages, *handle, self->group_size);
        return ef_fail_memory(call->error);
    }
    ef_select_slot *owner = &self->slots[slot];
    memset(group, 0, self->group_size);
    group->slot = slot;
    group->resets = owner->resets;
    group->place = NO_PLACE;
    group->nulls = nulls;
    if (self->key_words > 0) {
        memcpy(group->key, words, self->key_words * sizeof *words);
    }
    if (deep) {
        ef_status status = ef_select_keep_texts(call, group, row);
        if (status != EF_OK) {
            ef_pages_give(self->pages, *handle, self->group_size);
            return status;
        }
    }
    group->next = owner->first;
    owner->first = *handle;
    self->group_count++;
    if (self->key_count > 0) {
        ef_handle_index_add(&self->index, hash, *handle);
    }
    return EF_OK;
}

/* The first row of the call (or since a RESET in it) that meets the group. *action gets CLEAR if a RESET waits. */
static ef_status group_meet(ef_select_call *call, ef_handle handle, ef_group **met, uint8_t *action) {
    ef_select *self = call->self;
    ef_group *group = ef_group_write(self, handle);
    if (group == NULL) {
        return ef_fail_memory(call->error);
    }
    uint32_t resets = self->slots[group->slot].resets;
    if (group->resets != resets) {
        group->resets = resets;
        if (call->reset_count > 0) {
            *action |= EF_FOLD_CLEAR;
        } else {
            /* Left over from a sweep that ran out of memory; no row of this call has counted yet. */
            for (uint32_t a = 0; a < self->aggregate_count; a++) {
                ef_aggregate_clear(&self->aggregates[a], (char *)group);
            }
        }
    }
    if (group->place >= call->met_count || call->met[group->place] != handle) {
        group->place = call->met_count;
        call->met[call->met_count++] = handle;
    }
    group->mark = self->mark;
    *met = group;
    return EF_OK;
}

static ef_status take_reset(ef_select_call *call, uint32_t slot) {
    ef_select *self = call->self;
    EF_TRY(ef_select_reserve_slots(self, slot + 1, call->error));
    self->slots[slot].resets++;
    self->mark++;
    return EF_OK;
}

/* Where the walk over rows stands among the resets. */
static inline ef_status take_resets(ef_select_call *call, uint32_t *next, uint32_t row) {
    while (EF_UNLIKELY(*next < call->reset_count && call->resets[*next].before <= row)) {
        EF_TRY(take_reset(call, call->resets[(*next)++].slot));
    }
    return EF_OK;
}

/* ---- no keys: a slot is a group ---- */

static ef_status slot_group(ef_select_call *call, uint32_t slot, char **group, uint8_t *action) {
    ef_select *self = call->self;
    EF_TRY(ef_select_reserve_slots(self, slot + 1, call->error));
    ef_handle handle = self->slots[slot].first;
    if (handle == EF_NO_HANDLE) {
        EF_TRY(group_add(call, NULL, 0, false, 0, slot, 0, &handle));
    }
    const ef_group *seen = ef_group_at(self, handle);
    if (seen->mark == self->mark) {
        *group = (char *)(uintptr_t)seen;
        return EF_OK;
    }
    ef_group *met;
    EF_TRY(group_meet(call, handle, &met, action));
    *group = (char *)met;
    return EF_OK;
}

static ef_status find_single(ef_select_call *call) {
    uint32_t rows = call->in->rows, next = 0;
    uint8_t none = 0;
    if (call->reset_count == 0) {
        return slot_group(call, 0, &call->single, &none);
    }
    uint32_t i = 0;
    while (i < rows) {
        EF_TRY(take_resets(call, &next, i));
        uint32_t until = next < call->reset_count ? call->resets[next].before : rows;
        while (i < until && (call->actions[i] & EF_FOLD_SKIP) != 0) {
            i++;
        }
        if (i < until) {
            EF_TRY(slot_group(call, 0, &call->single, &call->actions[i]));
        }
        i = until;
    }
    return take_resets(call, &next, rows);
}

static ef_status find_by_slot(ef_select_call *call, bool places) {
    uint32_t rows = call->in->rows, next = 0;
    uint8_t none = 0;
    for (uint32_t i = 0; i < rows; i++) {
        EF_TRY(take_resets(call, &next, i));
        uint8_t *action = call->actions != NULL ? &call->actions[i] : &none;
        if ((*action & EF_FOLD_SKIP) != 0) {
            continue;
        }
        EF_TRY(slot_group(call, call->in->slots[i], &call->groups[i], action));
        if (places) {
            call->places[i] = ((const ef_group *)(const void *)call->groups[i])->place;
        }
    }
    return take_resets(call, &next, rows);
}

/* ---- keys ---- */

/* Large indexes: the entry of a row some rows ahead, then the group of one nearer. */
static inline void fetch_ahead(const ef_select *self, const ef_key_block *block, uint32_t i) {
    if (i + 16 < block->rows) {
        __builtin_prefetch(&self->index.entries[ef_index_hash(block->hashes[i + 16]) & self->index.mask]);
    }
    if (i + 8 < block->rows) {
        uint64_t entry = self->index.entries[ef_index_hash(block->hashes[i + 8]) & self->index.mask];
        if (entry != EF_INDEX_EMPTY) {
            __builtin_prefetch(ef_pages_at(self->pages, ef_index_entry_handle(entry)));
        }
    }
}

/* `words`: as a constant, so that comparing the common keys is a few instructions; 0: self->key_words of them. */
static inline __attribute__((always_inline)) ef_status find_block(ef_select_call *call, ef_key_block *block,
                                                                  uint32_t *next, const uint32_t words) {
    ef_select *self = call->self;
    const uint32_t stride = words > 0 ? words : self->key_words;
    const uint32_t *slots = call->in->slots;
    bool far = self->index.count > FAR_GROUPS;
    for (uint32_t i = 0; i < block->rows; i++) {
        uint32_t row = block->from + i;
        uint8_t none = 0;
        uint8_t *action = &none;
        if (call->actions != NULL) {
            if (call->reset_count > 0) {
                EF_TRY(take_resets(call, next, row));
            }
            action = &call->actions[row];
            if ((*action & EF_FOLD_SKIP) != 0) {
                continue;
            }
        }
        if (far) {
            fetch_ahead(self, block, i);
        }
        const uint64_t *key = block->words + (size_t)i * stride;
        uint32_t slot = slots != NULL ? slots[row] : 0;
        uint32_t nulls = block->nulls != NULL ? block->nulls[i] : 0;
        bool deep = block->deep != NULL && block->deep[i] != 0;
        uint32_t hash = ef_index_hash(block->hashes[i]);
        ef_handle handle = EF_NO_HANDLE;
        const ef_group *group = NULL;
        for (uint32_t at = hash & self->index.mask;; at = (at + 1) & self->index.mask) {
            uint64_t entry = self->index.entries[at];
            if (entry == EF_INDEX_EMPTY) {
                break;
            }
            if (ef_index_entry_hash(entry) != hash) {
                continue;
            }
            group = ef_group_at(self, ef_index_entry_handle(entry));
            if (group->slot != slot || group->nulls != nulls) {
                continue;
            }
            if (EF_UNLIKELY(deep) ? ef_select_deep_equal(call, group, key, row)
                                  : memcmp(group->key, key, stride * sizeof *key) == 0) {
                handle = ef_index_entry_handle(entry);
                break;
            }
        }
        if (handle == EF_NO_HANDLE) {
            EF_TRY(group_add(call, key, nulls, deep, row, slot, hash, &handle));
            group = ef_group_at(self, handle);
        }
        if (group->mark != self->mark) {
            ef_group *met;
            EF_TRY(group_meet(call, handle, &met, action));
            group = met;
        }
        call->groups[row] = (char *)(uintptr_t)group;
        if (call->places != NULL) {
            call->places[row] = group->place;
        }
    }
    return EF_OK;
}

static ef_status find_by_key(ef_select_call *call) {
    ef_select *self = call->self;
    uint32_t rows = call->in->rows, next = 0;
    uint32_t most = rows < EF_FOLD_ROWS ? rows : EF_FOLD_ROWS;
    ef_key_block block; /* the rest is set for each block */
    block.hashes = ef_arena_take(call->arena, most * sizeof *block.hashes);
    block.word_space = ef_arena_take(call->arena, (size_t)most * self->key_words * sizeof *block.word_space);
    block.null_space = ef_arena_take(call->arena, most * sizeof *block.null_space);
    block.deep_space = ef_arena_take(call->arena, most);
    if (block.hashes == NULL || block.word_space == NULL || block.null_space == NULL || block.deep_space == NULL) {
        return ef_fail_memory(call->error);
    }
    EF_TRY(ef_handle_index_reserve(&self->index, 1, call->error)); /* so that there are entries to look at */
    for (uint32_t from = 0; from < rows; from += EF_FOLD_ROWS) {
        block.from = from;
        block.rows = rows - from < EF_FOLD_ROWS ? rows - from : EF_FOLD_ROWS;
        ef_select_fill_keys(call, &block);
        ef_select_hash_keys(call, &block);
        EF_TRY(self->key_words == 1   ? find_block(call, &block, &next, 1)
               : self->key_words == 2 ? find_block(call, &block, &next, 2)
                                      : find_block(call, &block, &next, 0));
    }
    return take_resets(call, &next, rows);
}

ef_handle ef_select_known_group(const ef_select *self, const uint64_t *words) {
    if (self->slot_count == 0) {
        return EF_NO_HANDLE;
    }
    const uint32_t resets = self->slots[0].resets;
    if (self->key_count == 0) {
        ef_handle only = self->slots[0].first;
        return only != EF_NO_HANDLE && ef_group_at(self, only)->resets == resets ? only : EF_NO_HANDLE;
    }
    if (self->index.count == 0) {
        return EF_NO_HANDLE;
    }
    uint32_t hash = ef_index_hash(ef_select_hash_key(self, words));
    for (uint32_t at = hash & self->index.mask;; at = (at + 1) & self->index.mask) {
        uint64_t entry = self->index.entries[at];
        if (entry == EF_INDEX_EMPTY) {
            return EF_NO_HANDLE;
        }
        if (ef_index_entry_hash(entry) != hash) {
            continue;
        }
        ef_handle handle = ef_index_entry_handle(entry);
        const ef_group *group = ef_group_at(self, handle);
        if (group->slot == 0 && group->nulls == 0 && memcmp(group->key, words, self->key_words * sizeof *words) == 0) {
            return group->resets == resets ? handle : EF_NO_HANDLE;
        }
    }
}

/* ---- the call ---- */

/* Marks must not come round to an old one. */
static ef_status renew_marks(ef_select *self, uint32_t needed, ef_error *error) {
    if (EF_LIKELY(self->mark < UINT32_MAX - 1 - needed)) {
        return EF_OK;
    }
    for (uint32_t s = 0; s < self->slot_count; s++) {
        for (ef_handle handle = self->slots[s].first; handle != EF_NO_HANDLE;) {
            ef_group *group = ef_group_write(self, handle);
            if (group == NULL) {
                return ef_fail_memory(error);
            }
            group->mark = 0;
            handle = group->next;
        }
    }
    self->mark = 0;
    return EF_OK;
}

/* Actions are the kinds (CURRENT adds, EXPIRED removes, RESET is skipped); a copy where something is added to them. */
static ef_status make_actions(ef_select_call *call) {
    const ef_batch *in = call->in;
    if (call->failed == NULL && call->reset_count == 0) {
        call->actions = call->has_kind[EF_EXPIRED] ? in->kinds : NULL;
        return EF_OK;
    }
    call->actions = ef_arena_take(call->arena, in->rows > 0 ? in->rows : 1);
    if (call->actions == NULL) {
        return ef_fail_memory(call->error);
    }
    if (in->kinds != NULL) {
        memcpy(call->actions, in->kinds, in->rows);
    } else {
        memset(call->actions, EF_FOLD_ADD, in->rows);
    }
    if (call->failed != NULL) {
        for (uint32_t i = 0; i < in->rows; i++) {
            call->actions[i] = call->failed[i] != 0 ? EF_FOLD_SKIP : call->actions[i];
        }
    }
    return EF_OK;
}

ef_status ef_select_find_groups(ef_select_call *call, bool places) {
    ef_select *self = call->self;
    uint32_t rows = call->in->rows;
    EF_TRY(renew_marks(self, call->reset_count, call->error));
    self->mark++;
    EF_TRY(make_actions(call));
    size_t room = rows > 0 ? rows : 1;
    bool one = self->key_count == 0 && call->in->slots == NULL;
    call->met = ef_arena_take(call->arena, (one ? 1 : room) * sizeof *call->met);
    if (call->met == NULL) {
        return ef_fail_memory(call->error);
    }
    if (one) {
        return find_single(call);
    }
    call->groups = ef_arena_take(call->arena, room * sizeof *call->groups);
    call->places = places ? ef_arena_take(call->arena, room * sizeof *call->places) : NULL;
    if (call->groups == NULL || (places && call->places == NULL)) {
        return ef_fail_memory(call->error);
    }
    return self->key_count == 0 ? find_by_slot(call, places) : find_by_key(call);
}

/* ---- giving back ---- */

static void group_free(ef_select *self, ef_handle handle) {
    /* States are emptied in a copy: the block may be shared with a snapshot, and is not written any more. */
    const ef_group *group = ef_group_at(self, handle);
    for (uint32_t a = 0; a < self->aggregate_count; a++) {
        const ef_aggregate *aggregate = &self->aggregates[a];
        if (aggregate->clear != NULL) {
            uint64_t copy[8];
            EF_ASSERT(aggregate->size <= sizeof copy);
            memcpy(copy, (const char *)group + aggregate->offset, aggregate->size);
            aggregate->clear(aggregate, (char *)copy);
        }
    }
    if (self->key_count > 0) {
        ef_handle_index_remove(&self->index, ef_select_group_hash(self, group), handle);
    }
    ef_select_drop_texts(self, group, self->key_count);
    ef_pages_give(self->pages, handle, self->group_size);
    self->group_count--;
}

void ef_select_free_slot(ef_select *self, uint32_t slot) {
    ef_handle handle = self->slots[slot].first;
    while (handle != EF_NO_HANDLE) {
        ef_handle next = ef_group_at(self, handle)->next;
        group_free(self, handle);
        handle = next;
    }
    self->slots[slot].first = EF_NO_HANDLE;
}

/* Groups of a slot that lag behind its resets go; the others are linked anew, which writes only where a link changes. Where that
 * write fails for want of memory the rest of the list stays as it is, and the next RESET tries again. */
static void sweep_slot(ef_select *self, uint32_t slot) {
    ef_select_slot *owner = &self->slots[slot];
    owner->forgotten = owner->kept = 0;
    ef_handle kept = EF_NO_HANDLE; /* the last group that stays */
    ef_handle handle = owner->first;
    while (handle != EF_NO_HANDLE) {
        const ef_group *group = ef_group_at(self, handle);
        ef_handle next = group->next;
        if (group->resets == owner->resets) {
            kept = handle;
            owner->kept++;
        } else {
            if (kept != EF_NO_HANDLE) {
                ef_group *before = ef_group_write(self, kept);
                if (before == NULL) {
                    return;
                }
                before->next = next;
            } else {
                owner->first = next;
            }
            group_free(self, handle);
        }
        handle = next;
    }
}

#define FEW_FORGOTTEN 64u

void ef_select_forget(ef_select_call *call) {
    ef_select *self = call->self;
    uint32_t offset = self->aggregates[self->held - 1].offset;
    for (uint32_t i = 0; i < call->met_count; i++) {
        const ef_group *met = ef_group_at(self, call->met[i]);
        int64_t rows;
        memcpy(&rows, (const char *)met + offset, sizeof rows);
        ef_group *group = rows == 0 ? ef_group_write(self, call->met[i]) : NULL;
        if (group != NULL) { /* without memory it stays */
            ef_select_slot *owner = &self->slots[group->slot];
            group->resets = owner->resets - 1;
            if (++owner->forgotten > FEW_FORGOTTEN && owner->forgotten > owner->kept) {
                sweep_slot(self, group->slot);
            }
        }
    }
}

void ef_select_sweep(ef_select_call *call, bool all, bool failed) {
    ef_select *self = call->self;
    if (failed && call->reset_count > 0 && call->actions != NULL) {
        for (uint32_t i = 0; i < call->in->rows; i++) {
            if ((call->actions[i] & EF_FOLD_CLEAR) == 0) {
                continue;
            }
            /* Counted as emptied, but perhaps not emptied in each aggregate. */
            char *group = call->groups != NULL ? call->groups[i] : call->single;
            for (uint32_t a = 0; a < self->aggregate_count; a++) {
                ef_aggregate_clear(&self->aggregates[a], group);
            }
        }
    }
    for (uint32_t r = 0; r < call->reset_count; r++) {
        if (call->resets[r].slot < self->slot_count) {
            sweep_slot(self, call->resets[r].slot);
        }
    }
    if (all) {
        for (uint32_t i = 0; i < call->met_count; i++) {
            uint32_t slot = ef_group_at(self, call->met[i])->slot;
            ef_select_free_slot(self, slot);
        }
    }
}
