/* The slice arena: bump allocation that is given back all at once at the end of a slice.
 *
 *      block -> block -> block          each at least EF_ARENA_BLOCK bytes; used from the front
 *
 * Everything that lives no longer than a slice comes from here: output columns, registers, selections, batches. Reset keeps the
 * blocks up to a bound, so a steady flow allocates nothing. */
#ifndef EF_BASE_ARENA_H
#define EF_BASE_ARENA_H

#include "base/alloc.h"

#define EF_ARENA_BLOCK ((size_t)256 * 1024)
#define EF_ARENA_KEEP ((size_t)64 * 1024 * 1024) /* bytes kept over a reset */

typedef struct ef_arena_block ef_arena_block;

typedef struct ef_arena {
    ef_alloc *alloc;
    ef_arena_block *first;
    ef_arena_block *current;
    char *next; /* free bytes of `current` */
    char *end;
} ef_arena;

void ef_arena_init(ef_arena *arena, ef_alloc *alloc);
void ef_arena_clear(ef_arena *arena);

void *ef_arena_slow(ef_arena *arena, size_t size) EF_MUST_USE;

/* 16-byte aligned, not zeroed; NULL when out of memory. */
static inline void *ef_arena_take(ef_arena *arena, size_t size) {
    size_t rounded = (size + (size == 0) + 15u) & ~(size_t)15u; /* nothing has an address too: NULL says out of memory */
    if (EF_LIKELY((size_t)(arena->end - arena->next) >= rounded)) {
        void *block = arena->next;
        arena->next += rounded;
        return block;
    }
    return ef_arena_slow(arena, rounded);
}

/* All that was taken is free again. Pointers into it are dead. */
void ef_arena_reset(ef_arena *arena);

#endif
