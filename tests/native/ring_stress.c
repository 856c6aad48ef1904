/* The ring under ThreadSanitizer: many producers, a consumer, and takers that discard, over two rings that share an order.
 *
 * Checked: every row that entered is taken exactly once or discarded; rows of one producer come in order over all rings, whatever is
 * discarded meanwhile; the text of a row is that of its number. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "stream/async.h"
#include "time/clock.h"

#define PRODUCERS 4
#define ROWS 20000

typedef struct world {
    ef_async async;
    bool discards;
    _Atomic int running;
    _Atomic uint64_t discarded;
    uint64_t taken;
    int64_t last[PRODUCERS];
    int failed;
} world;

typedef struct producer {
    world *world;
    int number;
    uint64_t accepted;
} producer;

static void text_of(char *to, int64_t number) {
    (void)snprintf(to, 64, "row %lld with a text beyond twelve bytes", (long long)number);
}

static void *produce(void *argument) {
    producer *self = argument;
    world *w = self->world;
    int64_t sent = 0;
    while (sent < ROWS) {
        int64_t numbers[8], timestamps[8];
        ef_str texts[8];
        char bytes[8][64];
        uint32_t count = 1 + (uint32_t)(sent % 8);
        if (sent + count > ROWS) {
            count = (uint32_t)(ROWS - sent);
        }
        for (uint32_t i = 0; i < count; i++) {
            numbers[i] = (int64_t)self->number * ROWS + sent + i;
            timestamps[i] = sent + i;
            text_of(bytes[i], numbers[i]);
            texts[i] = ef_str_view(bytes[i], (uint32_t)strlen(bytes[i]));
        }
        ef_column columns[2] = {{.values = numbers, .type = EF_LONG}, {.values = texts, .type = EF_STRING}};
        ef_batch batch = {.rows = count, .columns = 2, .column = columns, .timestamps = timestamps};
        ef_ring *ring = w->async.rings[sent % w->async.count].ring;
        ef_error error;
        uint64_t order = ef_async_order(&w->async);
        uint32_t done = 0;
        while (done < count) {
            uint32_t accepted = 0;
            if (ef_ring_put(ring, &batch, done, count - done, false, order, ef_monotonic_ns(), &accepted, &error) != EF_OK) {
                abort();
            }
            done += accepted;
            self->accepted += accepted;
            if (accepted > 0) {
                ef_signal_notify(&w->async.filled);
            }
            if (done < count) {
                if (w->discards && self->number == 0) {
                    (void)atomic_fetch_add(&w->discarded, ef_ring_discard(ring, 2));
                } else {
                    ef_ring_wait_room(ring, 1000000);
                }
            }
        }
        sent += count;
    }
    (void)atomic_fetch_sub(&w->running, 1);
    ef_signal_notify(&w->async.filled);
    return NULL;
}

static void check_rows(world *w, const ef_batch *batch) {
    for (uint32_t i = 0; i < batch->rows; i++) {
        int64_t number = ((const int64_t *)batch->column[0].values)[i];
        const ef_str *text = &((const ef_str *)batch->column[1].values)[i];
        char wanted[64];
        int who = (int)(number / ROWS);
        text_of(wanted, number);
        if (text->length != strlen(wanted) || memcmp(ef_str_data(text), wanted, text->length) != 0) {
            w->failed++;
        }
        if (number <= w->last[who]) {
            w->failed++;
        }
        w->last[who] = number;
    }
    w->taken += batch->rows;
}

static void *consume(void *argument) {
    world *w = argument;
    ef_budget budget;
    ef_alloc alloc;
    ef_arena arena;
    ef_budget_init(&budget, 0);
    ef_alloc_init(&alloc, &budget);
    ef_arena_init(&arena, &alloc);
    for (;;) {
        uint32_t ring = 0;
        uint64_t below = 0, end = 0;
        if (ef_async_pick(&w->async, &ring, &below, &end)) {
            ef_ring_taken taken;
            ef_batch batch;
            ef_error error;
            if (ef_ring_take(w->async.rings[ring].ring, below, end, UINT32_MAX, &arena, &taken, &batch, &error) != EF_OK) {
                abort();
            }
            check_rows(w, &batch);
            ef_ring_give_back(w->async.rings[ring].ring, &taken);
            ef_arena_reset(&arena);
        } else if (atomic_load(&w->running) == 0 && ef_async_is_empty(&w->async)) {
            break;
        } else {
            ef_async_wait(&w->async, 1000000);
        }
    }
    ef_arena_clear(&arena);
    return NULL;
}

static int run(uint32_t rings, uint32_t capacity, bool discards) {
    ef_budget budget;
    ef_alloc alloc;
    ef_error error;
    ef_budget_init(&budget, 0);
    ef_alloc_init(&alloc, &budget);
    world *w = calloc(1, sizeof *w);
    const ef_type types[2] = {EF_LONG, EF_STRING};
    if (w == NULL || ef_async_init(&w->async, &alloc, &error) != EF_OK) {
        return 1;
    }
    for (uint32_t i = 0; i < rings; i++) {
        ef_async_ring ring = {.stream = (int32_t)i, .batch_most = 64};
        if (ef_ring_new(&alloc, 2, types, capacity, &ring.ring, &error) != EF_OK || ef_async_add(&w->async, &ring, &error) < 0) {
            return 1;
        }
    }
    for (int i = 0; i < PRODUCERS; i++) {
        w->last[i] = -1;
    }
    w->discards = discards;
    atomic_store(&w->running, PRODUCERS);
    pthread_t threads[PRODUCERS + 1];
    producer producers[PRODUCERS];
    (void)pthread_create(&threads[PRODUCERS], NULL, consume, w);
    for (int i = 0; i < PRODUCERS; i++) {
        producers[i] = (producer){.world = w, .number = i};
        (void)pthread_create(&threads[i], NULL, produce, &producers[i]);
    }
    uint64_t accepted = 0;
    for (int i = 0; i <= PRODUCERS; i++) {
        (void)pthread_join(threads[i], NULL);
        accepted += i < PRODUCERS ? producers[i].accepted : 0;
    }
    uint64_t lost = atomic_load(&w->discarded);
    int failed = w->failed + (accepted != w->taken + lost) + (accepted != (uint64_t)PRODUCERS * ROWS);
    (void)printf("%u rings of %u: %llu entered, %llu taken, %llu discarded, %d faults\n", rings, capacity,
                 (unsigned long long)accepted, (unsigned long long)w->taken, (unsigned long long)lost, failed);
    ef_async_clear(&w->async);
    failed += atomic_load(&budget.used) != 0;
    free(w);
    return failed;
}

int main(void) {
    int failed = run(1, 64, false) + run(1, 2, false) + run(1, 16, true) + run(2, 32, false) + run(3, 4, true);
    return failed == 0 ? 0 : 1;
}
