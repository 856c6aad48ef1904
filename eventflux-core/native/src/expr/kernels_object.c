/* Sets, lists, structs, and what is inside an object; the clock, the event, chance. */
#include "expr/text.h"

#include "base/json.h"

/* The value of row i as an operand of a maker: NULL for null. */
static const void *value_at(const ef_vector *vector, uint32_t row) {
    size_t width = ef_type_width((ef_type)vector->type);
    return ef_vector_null(vector, row) ? NULL : (const char *)vector->values + width * (row & vector->index_mask);
}

/* ---- making ---- */

ef_status ef_kernel_create_set(ef_call *call, ef_error *error) {
    const ef_vector *operand = ef_operand(call, 0);
    ef_str *to = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        ef_object_writer list, set;
        ef_object_writer_init(&list, call->arena);
        ef_object_put_list(&list, 1);
        ef_object_put_value(&list, (ef_type)operand->type, value_at(operand, i));
        ef_object_writer_init(&set, call->arena);
        ef_object_put_set(&set, list.length);
        if (!list.failed) {
            ef_object_put_raw(&set, list.bytes, list.length);
        }
        if (list.failed || !ef_object_writer_take(&set, &to[i])) {
            return ef_fail_memory(error);
        }
    }
    return EF_OK;
}

ef_status ef_kernel_list(ef_call *call, ef_error *error) {
    ef_str *to = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        ef_object_writer list;
        ef_object_writer_init(&list, call->arena);
        ef_object_put_list(&list, call->count);
        for (uint32_t k = 0; k < call->count; k++) {
            const ef_vector *operand = ef_operand(call, k);
            ef_object_put_value(&list, (ef_type)operand->type, value_at(operand, i));
        }
        if (!ef_object_writer_take(&list, &to[i])) {
            return ef_fail_memory(error);
        }
    }
    return EF_OK;
}

ef_status ef_kernel_struct(ef_call *call, ef_error *error) {
    ef_str *to = call->result->values;
    for (uint32_t k = 0; k < call->count; k += 2) {
        if (call->count % 2 != 0 || ef_operand(call, k)->type != EF_STRING) {
            return ef_fail(error, EF_INVALID, "operation struct takes names and values in turn");
        }
    }
    for (uint32_t i = 0; i < call->rows; i++) {
        ef_object_writer map;
        ef_object_writer_init(&map, call->arena);
        ef_object_put_map(&map, call->count / 2);
        for (uint32_t k = 0; k < call->count; k++) {
            const ef_vector *operand = ef_operand(call, k);
            ef_object_put_value(&map, (ef_type)operand->type, value_at(operand, i));
        }
        if (!ef_object_writer_take(&map, &to[i])) {
            return ef_fail_memory(error);
        }
    }
    return EF_OK;
}

ef_status ef_kernel_size_of_set(ef_call *call, ef_error *error) {
    const ef_vector *operand = ef_operand(call, 0);
    int32_t *to = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        const ef_str *object = value_at(operand, i);
        ef_object_token token;
        to[i] = 0;
        if (object == NULL) {
            continue;
        }
        const char *at = ef_str_data(object);
        if (ef_object_next(&at, at + object->length, &token) && token.kind == EF_OBJECT_SET_OF) {
            to[i] = (int32_t)token.length;
        } else {
            EF_TRY(ef_call_fail(call, i, "sizeOfSet: the object is not a set", error));
        }
    }
    return EF_OK;
}

/* ---- parts ---- */

/* Writes the value at [start, end) as a value of the type: numbers are widened, and reals rounded to FLOAT. False: it is of another type,
 * or nil. */
static bool read_as(ef_type type, const char *start, const char *end, void *to) {
    const char *at = start;
    ef_object_token token;
    if (!ef_object_next(&at, end, &token) || token.kind == EF_OBJECT_NIL) {
        return false;
    }
    bool integer = token.kind == EF_OBJECT_INTEGER && !token.is_huge;
    bool real = token.kind == EF_OBJECT_REAL;
    switch (type) {
    case EF_BOOL:
        *(uint8_t *)to = token.boolean;
        return token.kind == EF_OBJECT_BOOL;
    case EF_INT:
        if (!integer || token.integer < INT32_MIN || token.integer > INT32_MAX) {
            return false;
        }
        *(int32_t *)to = (int32_t)token.integer;
        return true;
    case EF_LONG:
        *(int64_t *)to = token.integer;
        return integer;
    case EF_FLOAT:
        *(float *)to = real ? (float)token.real : (float)token.integer;
        return integer || real;
    case EF_DOUBLE:
        *(double *)to = real ? token.real : (double)token.integer;
        return integer || real;
    case EF_STRING:
        if (token.kind != EF_OBJECT_STRING) {
            return false;
        }
        *(ef_str *)to = ef_str_view(token.data, token.length);
        return true;
    case EF_OBJECT:
        at = start;
        if (!ef_object_skip(&at, end)) {
            return false;
        }
        *(ef_str *)to = ef_str_view(start, (uint32_t)(at - start));
        return true;
    }
    return false;
}

/* Moves [*start, *end) from a value to its member `name`. False: there is none. */
static bool enter_member(const char **start, const char **end, const char *name, uint32_t length) {
    const char *at = *start;
    ef_object_token token, key;
    if (!ef_object_next(&at, *end, &token) || token.kind != EF_OBJECT_MAP) {
        return false;
    }
    for (uint32_t i = 0; i < token.length; i++) {
        const char *peek = at;
        bool found = ef_object_next(&peek, *end, &key) && key.kind == EF_OBJECT_STRING && key.length == length &&
                     memcmp(key.data, name, length) == 0;
        if (!ef_object_skip(&at, *end)) {
            return false;
        }
        const char *value = at;
        if (!ef_object_skip(&at, *end)) {
            return false;
        }
        if (found) {
            *start = value;
            *end = at;
            return true;
        }
    }
    return false;
}

/* The same for an element of a list or set. */
static bool enter_element(const char **start, const char **end, int64_t index) {
    const char *at = *start;
    ef_object_token token;
    if (!ef_object_next(&at, *end, &token) || (token.kind != EF_OBJECT_LIST && token.kind != EF_OBJECT_SET_OF) ||
        index < 0 || index >= (int64_t)token.length) {
        return false;
    }
    for (; index > 0; index--) {
        if (!ef_object_skip(&at, *end)) {
            return false;
        }
    }
    *start = at;
    if (!ef_object_skip(&at, *end)) {
        return false;
    }
    *end = at;
    return true;
}

static ef_status parts(ef_call *call, bool by_name, ef_error *error) {
    const ef_vector *object = ef_operand(call, 0);
    const ef_vector *which = ef_operand(call, 1);
    ef_type type = (ef_type)call->result->type;
    size_t width = ef_type_width(type);
    char *to = call->result->values;
    memset(to, 0, width * call->rows);
    for (uint32_t i = 0; i < call->rows; i++) {
        const ef_str *whole = value_at(object, i);
        const void *key = value_at(which, i);
        if (whole == NULL || key == NULL) {
            continue;
        }
        const char *start = ef_str_data(whole), *end = start + whole->length;
        bool found = by_name ? enter_member(&start, &end, ef_str_data(key), ((const ef_str *)key)->length)
                             : enter_element(&start, &end, *(const int32_t *)key);
        if (!found || !read_as(type, start, end, to + width * i)) {
            EF_TRY(ef_call_null(call, i, error));
        }
    }
    return EF_OK;
}

ef_status ef_kernel_field(ef_call *call, ef_error *error) {
    return parts(call, true, error);
}

ef_status ef_kernel_element(ef_call *call, ef_error *error) {
    return parts(call, false, error);
}

/* ---- paths: $.name["name"][index] ---- */

/* Moves along one step of the path. False: the path is malformed, or leads nowhere. */
static bool follow_step(const char **path, const char *path_end, const char **start, const char **end) {
    if (**path == '.') {
        const char *name = ++*path;
        while (*path < path_end && **path != '.' && **path != '[') {
            ++*path;
        }
        return *path > name && enter_member(start, end, name, (uint32_t)(*path - name));
    }
    if (**path != '[' || *path + 1 == path_end) {
        return false;
    }
    char quote = *++*path;
    if (quote == '\'' || quote == '"') {
        const char *name = ++*path;
        while (*path < path_end && **path != quote) {
            ++*path;
        }
        if (path_end - *path < 2 || (*path)[1] != ']') {
            return false;
        }
        *path += 2;
        return enter_member(start, end, name, (uint32_t)(*path - 2 - name));
    }
    const char *digits = *path;
    while (*path < path_end && **path != ']') {
        ++*path;
    }
    int64_t index;
    if (*path == path_end || !ef_parse_long(digits, (size_t)(*path - digits), &index)) {
        return false;
    }
    ++*path;
    return enter_element(start, end, index);
}

static bool follow(const ef_str *path, const char **start, const char **end) {
    const char *at = ef_str_data(path), *path_end = at + path->length;
    if (at < path_end && *at == '$') {
        at++;
    } else if (at < path_end && *at != '[' && *at != '.') {
        /* A bare name. */
        const char *name = at;
        while (at < path_end && *at != '.' && *at != '[') {
            at++;
        }
        if (!enter_member(start, end, name, (uint32_t)(at - name))) {
            return false;
        }
    }
    while (at < path_end) {
        if (!follow_step(&at, path_end, start, end)) {
            return false;
        }
    }
    return true;
}

static ef_status json_values(ef_call *call, bool from_text, ef_error *error) {
    const ef_vector *object = ef_operand(call, 0);
    const ef_vector *path = ef_operand(call, 1);
    ef_type type = (ef_type)call->result->type;
    size_t width = ef_type_width(type);
    char *to = call->result->values;
    memset(to, 0, width * call->rows);
    for (uint32_t i = 0; i < call->rows; i++) {
        const ef_str *whole = value_at(object, i);
        const ef_str *way = value_at(path, i);
        ef_str parsed;
        if (whole == NULL || way == NULL) {
            continue;
        }
        if (from_text) {
            ef_object_writer read;
            ef_object_writer_init(&read, call->arena);
            if (!ef_json_read(ef_str_data(whole), whole->length, &read)) {
                EF_TRY(ef_call_null(call, i, error));
                continue;
            }
            if (!ef_object_writer_take(&read, &parsed)) {
                return ef_fail_memory(error);
            }
            whole = &parsed;
        }
        const char *start = ef_str_data(whole), *end = start + whole->length;
        if (!follow(way, &start, &end) || !read_as(type, start, end, to + width * i)) {
            EF_TRY(ef_call_null(call, i, error));
        }
    }
    return EF_OK;
}

ef_status ef_kernel_json_value(ef_call *call, ef_error *error) {
    return json_values(call, false, error);
}

ef_status ef_kernel_json_value_text(ef_call *call, ef_error *error) {
    return json_values(call, true, error);
}

/* ---- the clock, the event, chance ---- */

ef_status ef_kernel_current_time_millis(ef_call *call, ef_error *error) {
    const ef_eval *eval = call->eval;
    int64_t *to = call->result->values;
    if (eval->run->track == NULL) {
        return ef_fail(error, EF_INVALID, "the clock is not at hand here");
    }
    for (uint32_t i = 0; i < call->rows; i++) {
        to[i] = ef_row_clock(eval->batch, i, eval->run->track);
    }
    return EF_OK;
}

ef_status ef_kernel_event_timestamp(ef_call *call, ef_error *error) {
    if (call->eval->batch->timestamps == NULL) {
        return ef_fail(error, EF_INVALID, "the event's timestamp is not at hand here");
    }
    call->result->values = call->eval->batch->timestamps;
    call->result->borrowed = true;
    return EF_OK;
}

static const uint64_t *numbers_of(const ef_call *call, uint32_t row) {
    return call->eval->random + ((size_t)row * call->eval->program->sites + call->instruction->site) * 2;
}

ef_status ef_kernel_random(ef_call *call, ef_error *error) {
    (void)error;
    double *to = call->result->values;
    for (uint32_t i = 0; i < call->rows; i++) {
        to[i] = (double)(numbers_of(call, i)[0] >> 11) * 0x1.0p-53; /* [0, 1) */
    }
    return EF_OK;
}

ef_status ef_kernel_uuid(ef_call *call, ef_error *error) {
    static const char HEX[] = "0123456789abcdef";
    ef_str *to = call->result->values;
    char *text = ef_take(call->arena, (size_t)call->rows * 36);
    if (text == NULL) {
        return ef_fail_memory(error);
    }
    for (uint32_t i = 0; i < call->rows; i++, text += 36) {
        /* RFC 9562, version 4, variant 10. */
        uint64_t high = (numbers_of(call, i)[0] & 0xFFFFFFFFFFFF0FFFu) | 0x4000u;
        uint64_t low = (numbers_of(call, i)[1] & 0x3FFFFFFFFFFFFFFFu) | 0x8000000000000000u;
        uint32_t at = 0;
        for (int digit = 0; digit < 32; digit++) {
            if (digit == 8 || digit == 12 || digit == 16 || digit == 20) {
                text[at++] = '-';
            }
            uint64_t half = digit < 16 ? high : low;
            text[at++] = HEX[(half >> (60 - 4 * (digit % 16))) & 15];
        }
        to[i] = ef_str_view(text, 36);
    }
    return EF_OK;
}
