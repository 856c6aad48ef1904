/* Life and saved state of the selection; see select_inside.h.
 *
 *      saved: [ shape ][ slots: count, then first group and resets of each ][ pages ]
 *
 * The shape (keys, aggregates, size of a group) must be that of the operator it is loaded into. Everything in the pages is checked
 * before it is believed; index, hashes of texts, marks and the order of value trees are made anew. */
#include "aggregator/kept_value.h"
#include "ops/select_inside.h"

static void *copy_new(ef_alloc *alloc, const void *from, size_t size) {
    void *copy = ef_malloc(alloc, size);
    if (copy != NULL && size > 0) {
        memcpy(copy, from, size);
    }
    return copy;
}

/* Which columns the outputs of a program are, and whether all are. */
static ef_status plain_columns(ef_select *self, const ef_program *program, uint32_t **columns, uint32_t *count,
                               bool *all, ef_error *error) {
    *count = program != NULL ? ef_program_outputs(program) : 0;
    *all = true;
    *columns = ef_malloc(self->alloc, *count * sizeof **columns);
    if (*columns == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < *count; i++) {
        uint32_t column;
        bool plain = ef_program_output_column(program, i, &column);
        (*columns)[i] = plain ? column : EF_NOT_PLAIN;
        *all = *all && plain;
    }
    return EF_OK;
}

static ef_status make_keys(ef_select *self, uint32_t count, ef_error *error) {
    if (count > EF_MOST_KEYS) {
        return ef_fail(error, EF_LIMIT, "a selection groups by at most %u keys, not %u", EF_MOST_KEYS, count);
    }
    if (count > self->argument_count) {
        return ef_fail(error, EF_INVALID, "%u group keys, but the program has %u outputs", count, self->argument_count);
    }
    self->keys = ef_malloc(self->alloc, count * sizeof *self->keys);
    if (self->keys == NULL) {
        return ef_fail_memory(error);
    }
    self->key_count = count;
    for (uint32_t k = 0; k < count; k++) {
        ef_type type = ef_program_output_type(self->arguments, k);
        self->keys[k] = (ef_select_key){type, self->key_words};
        self->key_words += ef_key_is_text(type) ? 2 : 1;
    }
    return EF_OK;
}

/* Whether every output is an aggregate or a key that a group holds as its rows have it: of numbers that may be equal and differ, and of objects,
 * the last row's counts. */
static bool puts_out_groups(const ef_select *self) {
    for (uint32_t i = 0; i < self->visible; i++) {
        bool found = self->output_column[i] != EF_NOT_PLAIN && self->output_column[i] >= self->columns;
        for (uint32_t k = 0; k < self->key_count && !found; k++) {
            ef_type type = self->keys[k].type;
            found = self->argument_column[k] == self->output_column[i] && type != EF_FLOAT && type != EF_DOUBLE && type != EF_OBJECT;
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

static ef_status make_aggregates(ef_select *self, const ef_select_config *select, ef_error *error) {
    self->aggregates = ef_malloc(self->alloc, select->aggregate_count * sizeof *self->aggregates);
    if (self->aggregates == NULL) {
        return ef_fail_memory(error);
    }
    self->aggregate_count = select->aggregate_count;
    bool takes_sets = false;
    for (uint32_t a = 0; a < select->aggregate_count; a++) {
        const ef_aggregate_config *config = &select->aggregates[a];
        ef_aggregate *aggregate = &self->aggregates[a];
        if (!ef_aggregate_resolve(aggregate, config->name, config->argument, select->removal)) {
            return ef_fail(error, EF_NOT_FOUND, "there is no aggregator %s for an argument of type %d", config->name,
                           (int)config->argument);
        }
        int32_t output = config->argument_output;
        bool has_argument = output >= 0;
        if (has_argument ? (uint32_t)output >= self->argument_count ||
                               ef_program_output_type(self->arguments, (uint32_t)output) != config->argument
                         : aggregate->input != EF_INPUT_NONE) {
            return ef_fail(error, EF_INVALID, "the argument of aggregator %s is not an output of its type",
                           config->name);
        }
        bool has_filter = config->filter > 0;
        if (has_filter && (config->filter > self->argument_count ||
                           ef_program_output_type(self->arguments, config->filter - 1) != EF_BOOL)) {
            return ef_fail(error, EF_INVALID, "the filter of aggregator %s is not a BOOL", config->name);
        }
        aggregate->column = has_argument ? output : -1;
        self->has_filters = self->has_filters || has_filter;
        self->takes_blocks = self->takes_blocks || aggregate->clear != NULL;
        takes_sets = takes_sets || aggregate->takes_sets;
        self->held = strcmp(config->name, EF_COUNT_HELD) == 0 ? a + 1 : self->held;
        aggregate->filter = has_filter ? (int32_t)config->filter - 1 : -1;
        aggregate->pages = self->pages;
        aggregate->counts = &self->counts;
        aggregate->seed = ef_hash_u64(a, self->seed);
        aggregate->offset = self->group_size;
        self->group_size += aggregate->size;
    }
    self->may_fold_ahead = self->aggregate_count > 0 && self->arguments_plain && self->having == NULL && select->order_count == 0 &&
                           self->limit < 0 && self->offset == 0 && !self->has_filters && !takes_sets && !self->keeps_all &&
                           self->held == 0 && self->wanted[EF_CURRENT] && !self->wanted[EF_EXPIRED] &&
                           self->group_size + sizeof(int64_t) <= EF_PAGE_SIZE && puts_out_groups(self);
    self->takes_few = self->aggregate_count > 0 && self->arguments_plain && self->outputs_plain && self->having == NULL &&
                      select->order_count == 0 && self->limit < 0 && self->offset == 0 && !self->has_filters && !takes_sets;
    return EF_OK;
}

static ef_status create(ef_select *self, const ef_operator_config *config, const ef_select_config *select,
                        ef_error *error) {
    if (self->outputs == NULL) {
        return ef_fail(error, EF_INVALID, "a selection needs an output program");
    }
    self->pages = ef_pages_new(self->alloc);
    if (self->pages == NULL) {
        return ef_fail_memory(error);
    }
    bool plain;
    EF_TRY(plain_columns(self, self->arguments, &self->argument_column, &self->argument_count, &plain, error));
    self->arguments_plain = plain;
    EF_TRY(plain_columns(self, self->outputs, &self->output_column, &self->output_count, &plain, error));
    self->outputs_plain = plain;
    EF_TRY(make_keys(self, select->group_keys, error));
    self->group_size = (uint32_t)(sizeof(ef_group) + self->key_words * sizeof(uint64_t));
    EF_TRY(make_aggregates(self, select, error));
    if (self->group_size > EF_PAGE_SIZE) {
        return ef_fail(error, EF_LIMIT, "the keys and aggregates of a group need %u bytes, more than %u",
                       self->group_size, EF_PAGE_SIZE);
    }
    for (uint32_t i = 0; i < self->output_count; i++) {
        if (self->output_column[i] != EF_NOT_PLAIN && self->output_column[i] >= config->columns + select->aggregate_count) {
            return ef_fail(error, EF_INVALID, "output %u is a column that is not there", i);
        }
    }
    for (uint32_t k = 0; k < select->order_count; k++) {
        if (select->order[k].output >= self->output_count) {
            return ef_fail(error, EF_INVALID, "order key %u is an output that is not there", k);
        }
    }
    if (select->visible > self->output_count || select->offset < 0) {
        return ef_fail(error, EF_INVALID, "more visible outputs than outputs, or a negative offset");
    }
    self->order = copy_new(self->alloc, select->order, select->order_count * sizeof *self->order);
    if (self->order == NULL) {
        return ef_fail_memory(error);
    }
    self->order_count = select->order_count;
    return EF_OK;
}

void ef_select_free(void *operator) {
    ef_select *self = operator;
    if (self == NULL) {
        return;
    }
    ef_alloc *alloc = self->alloc;
    ef_program_free(self->arguments);
    ef_program_free(self->outputs);
    ef_program_free(self->having);
    ef_free(alloc, self->argument_column, self->argument_count * sizeof *self->argument_column);
    ef_free(alloc, self->output_column, self->output_count * sizeof *self->output_column);
    ef_free(alloc, self->keys, self->key_count * sizeof *self->keys);
    ef_free(alloc, self->aggregates, self->aggregate_count * sizeof *self->aggregates);
    ef_free(alloc, self->order, self->order_count * sizeof *self->order);
    ef_free(alloc, self->slots, self->slot_capacity * sizeof *self->slots);
    ef_handle_index_clear(&self->index);
    ef_handle_index_clear(&self->counts.index);
    ef_pages_free(self->pages);
    ef_free(alloc, self, sizeof *self);
}

ef_status ef_select_create(const ef_operator_config *config, const ef_select_config *select, void **operator,
                           ef_error *error) {
    ef_select *self = ef_calloc(config->alloc, sizeof *self);
    if (self == NULL) {
        ef_program_free(select->arguments);
        ef_program_free(select->outputs);
        ef_program_free(select->having);
        return ef_fail_memory(error);
    }
    self->alloc = config->alloc;
    self->host = select->host;
    self->random = select->random;
    self->seed = select->hash_seed;
    self->columns = config->columns;
    self->arguments = select->arguments;
    self->outputs = select->outputs;
    self->having = select->having;
    self->visible = select->visible;
    self->limit = select->limit;
    self->offset = select->offset;
    self->keeps_all = select->keeps_all;
    self->wanted[EF_CURRENT] = select->current;
    self->wanted[EF_EXPIRED] = select->expired;
    ef_handle_index_init(&self->index, self->alloc);
    ef_handle_index_init(&self->counts.index, self->alloc);
    self->counts.next_owner = 1;
    ef_status status = create(self, config, select, error);
    if (status != EF_OK) {
        ef_select_free(self);
        return status;
    }
    *operator = self;
    return EF_OK;
}

void ef_select_purge(void *operator, uint32_t slot) {
    ef_select *self = operator;
    if (slot != EF_ALL_SLOTS) {
        if (slot < self->slot_count) {
            ef_select_free_slot(self, slot);
        }
        return;
    }
    for (uint32_t s = 0; s < self->slot_count; s++) {
        ef_select_free_slot(self, s);
    }
    self->slot_count = 0;
    self->mark = 0;
    self->counts.next_owner = 1;
    ef_handle_index_clear(&self->index);
    ef_handle_index_clear(&self->counts.index);
}

uint64_t ef_select_size(const void *operator) {
    return ((const ef_select *)operator)->group_count;
}

/* ---- saved state ---- */

static void put_shape(const ef_select *self, ef_writer *writer) {
    ef_put_u32(writer, self->group_size);
    ef_put_u32(writer, self->key_count);
    for (uint32_t k = 0; k < self->key_count; k++) {
        ef_put_u8(writer, (uint8_t)self->keys[k].type);
    }
    ef_put_u32(writer, self->aggregate_count);
    for (uint32_t a = 0; a < self->aggregate_count; a++) {
        ef_put_bytes(writer, self->aggregates[a].name, EF_AGGREGATE_NAME);
        ef_put_u8(writer, (uint8_t)self->aggregates[a].argument);
        ef_put_u8(writer, (uint8_t)self->aggregates[a].removal);
    }
}

static bool shape_fits(const ef_select *self, ef_reader *reader) {
    bool fits = ef_get_u32(reader) == self->group_size && ef_get_u32(reader) == self->key_count;
    for (uint32_t k = 0; fits && k < self->key_count; k++) {
        fits = ef_get_u8(reader) == (uint8_t)self->keys[k].type;
    }
    fits = fits && ef_get_u32(reader) == self->aggregate_count;
    for (uint32_t a = 0; fits && a < self->aggregate_count; a++) {
        const char *name = ef_get_bytes(reader, EF_AGGREGATE_NAME);
        fits = name != NULL && memcmp(name, self->aggregates[a].name, EF_AGGREGATE_NAME) == 0;
        fits = fits && ef_get_u8(reader) == (uint8_t)self->aggregates[a].argument;
        fits = fits && ef_get_u8(reader) == (uint8_t)self->aggregates[a].removal;
    }
    return fits;
}

ef_status ef_select_save(const void *operator, ef_writer *writer, ef_error *error) {
    const ef_select *self = operator;
    put_shape(self, writer);
    ef_put_u32(writer, self->slot_count);
    for (uint32_t s = 0; s < self->slot_count; s++) {
        ef_put_u32(writer, self->slots[s].first);
        ef_put_u32(writer, self->slots[s].resets);
    }
    ef_pages_save(self->pages, writer);
    return ef_writer_status(writer, error);
}

/* The texts of a loaded key, with hashes by this seed. */
static ef_status check_key(const ef_select *self, ef_group *group, ef_claims *claims, ef_error *error) {
    if (self->key_count < 32 && group->nulls >> self->key_count != 0) {
        return ef_fail(error, EF_CORRUPT, "a group of the saved state has more nulls than keys");
    }
    for (uint32_t k = 0; k < self->key_count; k++) {
        ef_type type = self->keys[k].type;
        uint64_t *words = group->key + self->keys[k].word;
        if ((group->nulls >> k & 1u) != 0) {
            words[0] = 0;
            if (ef_key_is_text(type)) {
                words[1] = 0;
            }
        } else if (ef_key_is_outside(type, words[0])) {
            ef_handle handle = (ef_handle)words[1];
            uint32_t length = (uint32_t)words[0];
            EF_TRY(ef_claim(claims, handle, length, error));
            ef_str text = ef_str_view(ef_pages_at(self->pages, handle), length);
            bool object = type == EF_OBJECT;
            if (object ? words[0] >> 32 != 0 || !ef_object_check(ef_str_data(&text), length)
                       : memcmp(&text, words, 8) != 0 || !ef_utf8_check(ef_str_data(&text), length)) {
                return ef_fail(error, EF_CORRUPT, "a group key of the saved state is not what it should be");
            }
            uint64_t hash = object ? ef_object_hash(&text, self->seed) : ef_hash_str(&text, self->seed);
            words[1] = (hash & UINT64_C(0xFFFFFFFF00000000)) | handle;
        }
    }
    return EF_OK;
}

static ef_status check_group(ef_select *self, ef_handle handle, uint32_t slot, ef_claims *claims, ef_error *error) {
    EF_TRY(ef_claim(claims, handle, self->group_size, error));
    ef_group *group = ef_group_write(self, handle);
    if (group == NULL) {
        return ef_fail_memory(error);
    }
    if (group->slot != slot || (self->key_count == 0 && (group->next != EF_NO_HANDLE || group->nulls != 0))) {
        return ef_fail(error, EF_CORRUPT, "a group of the saved state is in the wrong slot");
    }
    group->mark = 0;
    group->place = 0;
    EF_TRY(check_key(self, group, claims, error));
    for (uint32_t a = 0; a < self->aggregate_count; a++) {
        const ef_aggregate *aggregate = &self->aggregates[a];
        if (aggregate->check != NULL) {
            EF_TRY(aggregate->check(aggregate, (char *)group + aggregate->offset, claims, error));
        }
    }
    if (self->key_count > 0) {
        EF_TRY(ef_handle_index_reserve(&self->index, 1, error));
        ef_handle_index_add(&self->index, ef_select_group_hash(self, group), handle);
    }
    self->group_count++;
    return EF_OK;
}

static ef_status load(ef_select *self, ef_reader *reader, ef_error *error) {
    if (!shape_fits(self, reader)) {
        return ef_fail(error, EF_CORRUPT, "the saved state is of a selection with other keys or aggregates");
    }
    uint32_t slots = ef_get_u32(reader);
    if (reader->status != EF_OK || slots > ef_reader_left(reader) / 8) {
        return ef_fail(error, EF_CORRUPT, "the saved state names more slots than it holds");
    }
    EF_TRY(ef_select_reserve_slots(self, slots, error));
    for (uint32_t s = 0; s < slots; s++) {
        self->slots[s].first = ef_get_u32(reader);
        self->slots[s].resets = ef_get_u32(reader);
    }
    EF_TRY(ef_pages_load(self->pages, reader, error));
    EF_TRY(ef_reader_status(reader, error));
    ef_claims claims;
    EF_TRY(ef_claims_init(&claims, self->pages, self->alloc, error));
    ef_status status = EF_OK;
    for (uint32_t s = 0; status == EF_OK && s < slots; s++) {
        ef_handle handle = self->slots[s].first;
        while (status == EF_OK && handle != EF_NO_HANDLE) {
            status = check_group(self, handle, s, &claims, error);
            handle = status == EF_OK ? ef_group_at(self, handle)->next : EF_NO_HANDLE;
        }
    }
    ef_claims_clear(&claims);
    return status;
}

ef_status ef_select_load(void *operator, ef_reader *reader, uint32_t version, ef_error *error) {
    ef_select *self = operator;
    if (version != 1) {
        return ef_fail(error, EF_CORRUPT, "a selection cannot read saved state of version %u", version);
    }
    ef_status status = load(self, reader, error);
    if (status != EF_OK) {
        /* Empty again: a page store that holds nothing. */
        static const char nothing[4] = {0};
        ef_reader empty;
        ef_reader_init(&empty, nothing, sizeof nothing);
        ef_status emptied = ef_pages_load(self->pages, &empty, NULL);
        EF_ASSERT(emptied == EF_OK);
        (void)emptied;
        ef_handle_index_clear(&self->index);
        ef_handle_index_clear(&self->counts.index);
        self->counts.next_owner = 1;
        self->slot_count = 0;
        self->group_count = 0;
    }
    return status;
}
