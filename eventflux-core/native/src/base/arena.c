/* Bump allocation in blocks; see arena.h. */
#include "base/arena.h"

struct ef_arena_block {
    ef_arena_block *next;
    size_t size; /* of the whole block, this header included */
    /* data follows, 16-byte aligned */
};

#define HEADER ((sizeof(ef_arena_block) + 15u) & ~(size_t)15u)

void ef_arena_init(ef_arena *arena, ef_alloc *alloc) {
    arena->alloc = alloc;
    arena->first = NULL;
    arena->current = NULL;
    arena->next = NULL;
    arena->end = NULL;
}

static void enter(ef_arena *arena, ef_arena_block *block) {
    arena->current = block;
    arena->next = (char *)block + HEADER;
    arena->end = (char *)block + block->size;
}

void *ef_arena_slow(ef_arena *arena, size_t size) {
    /* A kept block that fits comes first; one that is too small stays unused until the reset. */
    ef_arena_block *block = arena->current != NULL ? arena->current->next : arena->first;
    while (block != NULL && block->size - HEADER < size) {
        block = block->next;
    }
    if (block == NULL) {
        size_t wanted = size + HEADER > EF_ARENA_BLOCK ? size + HEADER : EF_ARENA_BLOCK;
        if (size > SIZE_MAX / 2) {
            return NULL;
        }
        block = ef_malloc(arena->alloc, wanted);
        if (block == NULL) {
            return NULL;
        }
        block->size = wanted;
        if (arena->current == NULL) {
            block->next = arena->first;
            arena->first = block;
        } else {
            block->next = arena->current->next;
            arena->current->next = block;
        }
    }
    enter(arena, block);
    void *taken = arena->next;
    arena->next += size;
    return taken;
}

void ef_arena_reset(ef_arena *arena) {
    size_t kept = 0;
    ef_arena_block **link = &arena->first;
    while (*link != NULL) {
        ef_arena_block *block = *link;
        if (kept + block->size > EF_ARENA_KEEP && kept > 0) {
            *link = block->next;
            ef_free(arena->alloc, block, block->size);
        } else {
            kept += block->size;
            link = &block->next;
        }
    }
    if (arena->first != NULL) {
        enter(arena, arena->first);
    }
}

void ef_arena_clear(ef_arena *arena) {
    ef_arena_block *block = arena->first;
    while (block != NULL) {
        ef_arena_block *next = block->next;
        ef_free(arena->alloc, block, block->size);
        block = next;
    }
    ef_arena_init(arena, arena->alloc);
}
