/* Buckets in a store outside.
 *
 *      written: (number of the duration INT, start LONG, group key OBJECT: a list, what each item shows, state OBJECT: bytes)
 *      removed: (number of the duration INT, start LONG: those that begin before it)
 *      found:   (number of the duration INT, start LONG, state OBJECT)
 *
 * The state of a bucket holds its group too, so that a bucket is whole by itself. What changed during one call of the operator is one call of the host; the host
 * keeps what it could not write and tries again, so that nothing is told to queries that is lost afterwards without a word. */
#include "base/object.h"
#include "rollup/rollup.h"

ef_status rollup_touched(rollup *r, rollup_bucket *bucket, ef_error *error) {
    EF_TRY(ef_grow(r->alloc, (void **)&r->unwritten, &r->unwritten_capacity, r->unwritten_count + 1, sizeof *r->unwritten,
                   error));
    r->unwritten[r->unwritten_count++] = bucket;
    bucket->unwritten = r->unwritten_count;
    return EF_OK;
}

static bool take_columns(ef_batch *batch, uint32_t rows, uint32_t columns, ef_arena *arena) {
    *batch = (ef_batch){.columns = columns, .form = EF_WHOLE};
    batch->column = ef_arena_take(arena, columns * sizeof *batch->column);
    batch->timestamps = ef_arena_take(arena, (rows > 0 ? rows : 1) * sizeof *batch->timestamps);
    if (batch->column == NULL || batch->timestamps == NULL) {
        return false;
    }
    memset(batch->column, 0, columns * sizeof *batch->column);
    memset(batch->timestamps, 0, rows * sizeof *batch->timestamps);
    return true;
}

static bool take_column(ef_column *column, ef_type type, uint32_t rows, bool has_nulls, ef_arena *arena) {
    *column = (ef_column){.type = type};
    column->values = ef_arena_take(arena, (rows > 0 ? rows : 1) * ef_type_width(type));
    column->validity = has_nulls ? ef_arena_take(arena, ef_bitmap_size(rows > 0 ? rows : 1)) : NULL;
    if (column->values == NULL || (has_nulls && column->validity == NULL)) {
        return false;
    }
    memset(column->values, 0, rows * ef_type_width(type));
    if (has_nulls) {
        memset(column->validity, 0, ef_bitmap_size(rows));
    }
    return true;
}

static bool key_object(const rollup *r, const rollup_group *group, ef_arena *arena, ef_str *value) {
    ef_object_writer writer;
    ef_object_writer_init(&writer, arena);
    ef_object_put_list(&writer, r->key_count);
    for (uint32_t k = 0; k < r->key_count; k++) {
        ef_object_put_value(&writer, r->key_types[k], group->there[k] ? &group->key[k] : NULL);
    }
    return ef_object_writer_take(&writer, value);
}

/* Group and bucket as msgpack bin. */
static ef_status state_object(const rollup *r, const rollup_bucket *bucket, ef_arena *arena, ef_str *value, ef_error *error) {
    ef_writer state;
    ef_writer_init(&state, r->alloc);
    rollup_group_put(r, bucket->group, &state);
    rollup_bucket_put(r, bucket, &state);
    ef_status status = ef_writer_status(&state, error);
    size_t length = ef_writer_size(&state);
    char *bytes = status == EF_OK && length <= UINT32_MAX - 5 ? ef_arena_take(arena, length + 5) : NULL;
    if (status == EF_OK && bytes == NULL) {
        status = ef_fail_memory(error);
    }
    if (status == EF_OK) {
        bytes[0] = (char)0xC6;
        for (uint32_t i = 0; i < 4; i++) {
            bytes[1 + i] = (char)(length >> (24 - 8 * i));
        }
        ef_writer_copy(&state, bytes + 5);
        *value = ef_str_view(bytes, (uint32_t)length + 5);
    }
    ef_writer_clear(&state);
    return status;
}

static ef_status put_bucket(const rollup *r, const rollup_bucket *bucket, ef_batch *batch, ef_arena *arena, ef_error *error) {
    uint32_t row = batch->rows++;
    ((int32_t *)batch->column[0].values)[row] = (int32_t)r->durations[bucket->duration];
    ((int64_t *)batch->column[1].values)[row] = bucket->start;
    if (!key_object(r, bucket->group, arena, &((ef_str *)batch->column[2].values)[row])) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < r->item_count; i++) {
        ef_column *column = &batch->column[3 + i];
        ef_value shown;
        if (rollup_item_read(&r->items[i], bucket, &shown)) {
            size_t width = ef_type_width(column->type);
            memcpy((char *)column->values + row * width, &shown, width);
            ef_bit_set(column->validity, row);
        }
    }
    return state_object(r, bucket, arena, &((ef_str *)batch->column[3 + r->item_count].values)[row], error);
}

static ef_status write_changed(rollup *r, ef_out *out, ef_error *error) {
    ef_batch batch;
    uint32_t rows = r->unwritten_count;
    bool good = take_columns(&batch, rows, r->item_count + 4, out->arena) &&
                take_column(&batch.column[0], EF_INT, rows, false, out->arena) &&
                take_column(&batch.column[1], EF_LONG, rows, false, out->arena) &&
                take_column(&batch.column[2], EF_OBJECT, rows, false, out->arena);
    for (uint32_t i = 0; good && i <= r->item_count; i++) {
        ef_type type = i < r->item_count ? r->items[i].type : EF_OBJECT;
        good = take_column(&batch.column[3 + i], type, rows, i < r->item_count, out->arena);
    }
    if (!good) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < rows; i++) {
        if (r->unwritten[i] != NULL) {
            EF_TRY(put_bucket(r, r->unwritten[i], &batch, out->arena, error));
        }
    }
    uint64_t touched;
    ef_out failures;
    ef_out_init(&failures, out->arena, &batch);
    EF_TRY(r->store->act(r->store->context, EF_OUTSIDE_INSERT, 0, &batch, NULL, &failures, &touched, error));
    for (uint32_t i = 0; i < rows; i++) {
        if (r->unwritten[i] != NULL) {
            r->unwritten[i]->unwritten = 0;
        }
    }
    r->unwritten_count = 0;
    return EF_OK;
}

static ef_status write_dropped(rollup *r, ef_out *out, ef_error *error) {
    ef_batch batch;
    if (!take_columns(&batch, r->duration_count, 2, out->arena) ||
        !take_column(&batch.column[0], EF_INT, r->duration_count, false, out->arena) ||
        !take_column(&batch.column[1], EF_LONG, r->duration_count, false, out->arena)) {
        return ef_fail_memory(error);
    }
    for (uint32_t d = 0; d < r->duration_count; d++) {
        if (r->dropped[d] != INT64_MIN) {
            ((int32_t *)batch.column[0].values)[batch.rows] = (int32_t)r->durations[d];
            ((int64_t *)batch.column[1].values)[batch.rows++] = r->dropped[d];
        }
    }
    if (batch.rows == 0) {
        return EF_OK;
    }
    uint64_t touched;
    ef_out failures;
    ef_out_init(&failures, out->arena, &batch);
    EF_TRY(r->store->act(r->store->context, EF_OUTSIDE_REMOVE, 0, &batch, NULL, &failures, &touched, error));
    for (uint32_t d = 0; d < r->duration_count; d++) {
        r->dropped[d] = INT64_MIN;
    }
    return EF_OK;
}

ef_status rollup_write(rollup *r, ef_out *out, ef_error *error) {
    if (r->unwritten_count > 0) {
        EF_TRY(write_changed(r, out, error));
    }
    return write_dropped(r, out, error);
}

/* ---- reading ---- */

static ef_status take_bucket(rollup *r, int32_t kind, int64_t start, const ef_str *state, ef_value *key, uint8_t *there,
                             ef_error *error) {
    uint32_t duration = 0;
    while (duration < r->duration_count && (int32_t)r->durations[duration] != kind) {
        duration++;
    }
    const char *at = ef_str_data(state), *end = at + state->length;
    ef_object_token token;
    if (duration == r->duration_count || start < -2 * EF_ROLLUP_LATEST || start > EF_ROLLUP_LATEST ||
        !ef_object_next(&at, end, &token) || token.kind != EF_OBJECT_BYTES) {
        return ef_fail(error, EF_CORRUPT, "the store of an aggregation has a bucket that is none");
    }
    ef_reader reader;
    ef_reader_init(&reader, token.data, token.length);
    rollup_group *group;
    bool is_new;
    EF_TRY(rollup_group_get(r, &reader, key, there, &group, &is_new, error));
    uint32_t before = r->live;
    rollup_bucket *bucket;
    EF_TRY(rollup_bucket_of(r, group, duration, start, &bucket, error));
    if (r->live == before) {
        return ef_fail(error, EF_CORRUPT, "the store of an aggregation has a bucket twice");
    }
    EF_TRY(rollup_bucket_get(r, bucket, &reader, error));
    r->latest = bucket->latest > r->latest ? bucket->latest : r->latest;
    r->arrivals = group->number >= r->arrivals ? group->number + 1 : r->arrivals;
    return EF_OK;
}

ef_status rollup_fill(rollup *r, ef_arena *arena, ef_error *error) {
    rollup_clear(r);
    ef_batch one = {.rows = 1, .form = EF_WHOLE};
    ef_found found;
    EF_TRY(r->store->find(r->store->context, 0, &one, arena, &found, error));
    ef_value *key = ef_arena_take(arena, (r->key_count + 1) * sizeof *key);
    uint8_t *there = ef_arena_take(arena, r->key_count + 1);
    ef_status status = key == NULL || there == NULL ? ef_fail_memory(error) : EF_OK;
    for (uint32_t i = 0; status == EF_OK && i < found.count; i++) {
        status = take_bucket(r, ((const int32_t *)found.column[0].values)[i], ((const int64_t *)found.column[1].values)[i],
                             &((const ef_str *)found.column[2].values)[i], key, there, error);
    }
    for (uint32_t d = 0; d < r->duration_count; d++) {
        r->ordered[d].is_sorted = r->ordered[d].count < 2;
    }
    if (status != EF_OK) {
        rollup_clear(r);
    }
    return status;
}

ef_status ef_engine_rollup_fill(ef_engine *engine, ef_node_id node, ef_error *error) {
    if (!ef_is_node(engine, node) || ef_node_at(engine, node)->operator_class != &ef_rollup_class || engine->running) {
        return ef_fail(error, EF_INVALID, "what is filled is an aggregation, between two pushes");
    }
    rollup *r = ef_node_at(engine, node)->self;
    ef_status status = r->store == NULL ? EF_OK : rollup_fill(r, &engine->arena, error);
    ef_end_slice(engine);
    return status;
}
