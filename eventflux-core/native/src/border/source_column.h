/* A column as an outside program lays it out, and how it becomes a native one.
 *
 * Two steps: `check` looks at all values once, before anything enters (ranges, UTF-8, offsets); `slice` then gives the native column of some
 * rows, without copying where the layout is ours already, else converting just those rows while they are in the cache. Memory of
 * the outside is borrowed until the last slice has run; lengths and offsets in it are not trusted. */
#ifndef EF_BORDER_SOURCE_COLUMN_H
#define EF_BORDER_SOURCE_COLUMN_H

#include "batch/batch.h"

typedef enum ef_layout_kind {
    EF_LAYOUT_NULLS = 0,  /* no memory: all null */
    EF_LAYOUT_BOOL_BITS,
    EF_LAYOUT_BOOL_BYTES, /* 0 or not */
    EF_LAYOUT_INT8,
    EF_LAYOUT_INT16,
    EF_LAYOUT_INT32,
    EF_LAYOUT_INT64,
    EF_LAYOUT_UINT8,
    EF_LAYOUT_UINT16,
    EF_LAYOUT_UINT32,
    EF_LAYOUT_UINT64,
    EF_LAYOUT_FLOAT16,
    EF_LAYOUT_FLOAT32,
    EF_LAYOUT_FLOAT64,
    EF_LAYOUT_UTF8,       /* values: bytes, offsets: int32[rows + 1] */
    EF_LAYOUT_LARGE_UTF8, /* offsets: int64[rows + 1] */
    EF_LAYOUT_UTF8_VIEW,  /* values: 16-byte Arrow views, buffers: their data */
    EF_LAYOUT_UCS4,       /* fixed width: `width` UTF-32 units a value, padded with zeros */
    EF_LAYOUT_STRINGS,    /* ef_str, checked */
    EF_LAYOUT_DICTIONARY  /* values: numbers of `keys`, which index `dictionary` */
} ef_layout_kind;

typedef struct ef_source_column ef_source_column;
struct ef_source_column {
    ef_layout_kind layout;
    ef_type target;
    int64_t rows;
    int64_t offset;           /* first element of everything below */
    const void *values;
    int64_t values_size;      /* bytes, where it is known; -1: trusted */
    const void *offsets;
    const uint8_t *validity;  /* Arrow bitmap from `offset`; NULL: no nulls */
    const uint8_t *mask;      /* bytes: not 0 = null; NULL: none */
    const void *const *buffers; /* UTF8_VIEW */
    const int64_t *buffer_sizes;
    int64_t buffer_count;
    int64_t width;            /* UCS4: units a value */
    int64_t divide, multiply; /* integers are moments in another unit: value / divide, or value * multiply; 0: as they are */
    ef_layout_kind keys;      /* DICTIONARY */
    const ef_source_column *dictionary;
    /* filled by check for a dictionary: its values in the target's layout, and their validity */
    ef_column entries;
};

/* Whether a column of this layout may go into an attribute of the type at all (bool only to BOOL, text only to STRING, ...). */
bool ef_source_fits(ef_layout_kind layout, ef_type target);

typedef enum ef_source_fault {
    EF_SOURCE_GOOD,
    EF_SOURCE_RANGE,  /* a value does not fit the type */
    EF_SOURCE_TEXT,   /* bytes that are not UTF-8 */
    EF_SOURCE_LAYOUT, /* offsets or keys that point nowhere */
    EF_SOURCE_MEMORY
} ef_source_fault;

/* Looks at all rows. *row: the first bad one. `arena` keeps a dictionary's entries as long as slices are wanted. */
ef_source_fault ef_source_check(ef_source_column *column, ef_arena *arena, int64_t *row);

/* Rows [from, from + count) as a native column; memory of the source, or of the arena. False: out of memory. */
bool ef_source_slice(const ef_source_column *column, int64_t from, uint32_t count, ef_arena *arena,
                     ef_column *to) EF_MUST_USE;

#endif
