/* OBJECT values: one msgpack value in the bytes of an ef_str.
 *
 *      nil, bool, integers, floats, str, bin, array (list), map, ext
 *
 * A set is ext type EF_OBJECT_SET whose payload is one msgpack array: the elements, each once, in order of insertion. Writers use the
 * shortest integers and float 64 (float 32 only for FLOAT values); readers take every encoding, so equality and hashing are by
 * value: integers of any width compare as integers, floats as doubles (an integer never equals a float, as in Java), maps and sets
 * without regard to order. What went wrong with a row is ext type EF_OBJECT_ERROR around its text. Depth is limited to EF_OBJECT_DEPTH where bytes enter (ef_object_check); what is inside the engine has
 * been checked. */
#ifndef EF_BASE_OBJECT_H
#define EF_BASE_OBJECT_H

#include "base/string_view.h"

#define EF_OBJECT_SET 1
#define EF_OBJECT_ERROR 2
#define EF_OBJECT_DEPTH 64

typedef enum ef_object_kind {
    EF_OBJECT_NIL,
    EF_OBJECT_BOOL,    /* boolean */
    EF_OBJECT_INTEGER, /* integer; is_huge: an unsigned number above INT64_MAX, as its bits */
    EF_OBJECT_REAL,    /* real; is_single: written in 4 bytes */
    EF_OBJECT_STRING,  /* data, length */
    EF_OBJECT_BYTES,   /* data, length */
    EF_OBJECT_LIST,    /* length elements follow */
    EF_OBJECT_MAP,     /* length pairs follow */
    EF_OBJECT_SET_OF,  /* length elements follow */
    EF_OBJECT_EXTENSION /* data, length, extension */
} ef_object_kind;

/* One step of reading; views borrow the bytes read. */
typedef struct ef_object_token {
    ef_object_kind kind;
    bool boolean;
    bool is_huge;
    bool is_single;
    int8_t extension;
    uint32_t length;
    int64_t integer;
    double real;
    const char *data;
} ef_object_token;

/* Reads the token at *at and moves *at behind it. False: the bytes end too early, or are not msgpack; *at is then unusable. */
bool ef_object_next(const char **at, const char *end, ef_object_token *token) EF_MUST_USE;
/* Moves *at behind one whole value. */
bool ef_object_skip(const char **at, const char *end) EF_MUST_USE;
/* Whether the bytes are exactly one well-formed value: depth, UTF-8 of strings, sets with distinct elements. For untrusted bytes. */
bool ef_object_check(const char *data, size_t length) EF_MUST_USE;

/* By value; both must be well-formed. Sets and maps of n elements in different orders cost n * n. */
bool ef_object_equal(const ef_str *a, const ef_str *b);
/* Equal values have equal hashes. */
uint64_t ef_object_hash(const ef_str *value, uint64_t seed);

/* Writes one value into the arena; the first failure is sticky. */
typedef struct ef_object_writer {
    ef_arena *arena;
    char *bytes;
    size_t length;
    size_t capacity;
    bool failed;
} ef_object_writer;

void ef_object_writer_init(ef_object_writer *writer, ef_arena *arena);
void ef_object_put_nil(ef_object_writer *writer);
void ef_object_put_bool(ef_object_writer *writer, bool value);
void ef_object_put_integer(ef_object_writer *writer, int64_t value);
void ef_object_put_float(ef_object_writer *writer, float value);
void ef_object_put_double(ef_object_writer *writer, double value);
void ef_object_put_string(ef_object_writer *writer, const char *data, uint32_t length);
void ef_object_put_error(ef_object_writer *writer, const char *text, uint32_t length);
void ef_object_put_list(ef_object_writer *writer, uint32_t count); /* count values follow */
void ef_object_put_map(ef_object_writer *writer, uint32_t count);  /* count pairs follow */
/* Header of a set whose array of `count` elements takes `size` bytes, array header included; ef_object_put_list and the elements
 * follow. */
void ef_object_put_set(ef_object_writer *writer, size_t size);
void ef_object_put_raw(ef_object_writer *writer, const char *data, size_t length); /* whole values, or bytes of one */
/* One value as it lies in a column of that type; NULL for null. OBJECT values are copied whole. */
void ef_object_put_value(ef_object_writer *writer, ef_type type, const void *value);
/* The bytes as a string; long ones stay in the arena. False: out of memory, or longer than UINT32_MAX. */
bool ef_object_writer_take(ef_object_writer *writer, ef_str *value) EF_MUST_USE;

#endif
