/* The strategies, as one non-blocking step after another; see backpressure.h. Waiting is the caller's, who may have better to do. */
#include "stream/backpressure.h"

#include "time/clock.h"

static void count(_Atomic uint64_t *figure, uint64_t by) {
    (void)atomic_fetch_add_explicit(figure, by, memory_order_relaxed);
}

void ef_offer_begin(ef_offer *offer, const ef_backpressure *rules) {
    memset(offer, 0, sizeof *offer);
    offer->began_ns = ef_monotonic_ns();
    offer->next_ns = rules->initial_ns;
}

static ef_offered full(ef_ring *ring, const ef_backpressure *rules, ef_offer *offer, uint32_t left, int64_t *wait_ns) {
    ef_ring_figures *figures = ef_ring_figures_of(ring);
    count(&figures->full, 1);
    switch (rules->strategy) {
    case EF_DROP_NEWEST:
        count(&figures->dropped_newest, left);
        return EF_OFFER_DONE;
    case EF_FAIL:
        count(&figures->rejected, left);
        return EF_OFFER_REFUSED;
    case EF_BLOCK:
    case EF_BLOCK_TIMEOUT:
    case EF_BACKOFF:
    case EF_DROP_OLDEST:
        break;
    }
    int64_t spent = ef_monotonic_ns() - offer->began_ns;
    bool has_limit = rules->strategy != EF_BLOCK && rules->strategy != EF_DROP_OLDEST && rules->timeout_ns >= 0;
    if (has_limit && spent >= rules->timeout_ns) {
        count(&figures->timeouts, 1);
        return EF_OFFER_TIMEOUT;
    }
    if (!offer->waited) {
        offer->waited = true;
        count(&figures->waits, 1);
    }
    *wait_ns = has_limit ? rules->timeout_ns - spent : -1;
    if (rules->strategy == EF_BACKOFF) {
        if (*wait_ns < 0 || offer->next_ns < *wait_ns) {
            *wait_ns = offer->next_ns;
        }
        count(&figures->backoff_ns, (uint64_t)*wait_ns);
        double longer = (double)offer->next_ns * rules->multiplier;
        offer->next_ns = longer < (double)rules->longest_ns ? (int64_t)longer : rules->longest_ns;
    }
    return EF_OFFER_WAIT;
}

ef_offered ef_offer_rows(ef_ring *ring, const ef_backpressure *rules, ef_offer *offer, const ef_batch *rows, uint64_t order,
                         int64_t *wait_ns, ef_error *error) {
    while (offer->at < rows->rows) {
        uint32_t left = rows->rows - offer->at, accepted = 0;
        /* The clock is read again only where time has passed. */
        int64_t entered_ns = offer->waited ? ef_monotonic_ns() : offer->began_ns;
        if (ef_ring_put(ring, rows, offer->at, left, rules->strategy == EF_FAIL, order, entered_ns, &accepted,
                        error) != EF_OK) {
            return EF_OFFER_ERROR;
        }
        offer->at += accepted;
        offer->accepted += accepted;
        left -= accepted;
        if (left == 0) {
            break;
        }
        if (accepted == 0 && rules->strategy == EF_DROP_OLDEST) {
            uint32_t dropped = ef_ring_discard(ring, left);
            count(&ef_ring_figures_of(ring)->dropped_oldest, dropped);
            if (dropped > 0) {
                continue;
            }
            /* All rows are being filled or run at this moment: there is none to drop. */
            *wait_ns = 1000000;
            return EF_OFFER_WAIT;
        }
        if (accepted == 0) {
            return full(ring, rules, offer, left, wait_ns);
        }
    }
    return EF_OFFER_DONE;
}

void ef_offer_end(ef_ring *ring, const ef_offer *offer) {
    ef_ring_figures *figures = ef_ring_figures_of(ring);
    int64_t spent = ef_monotonic_ns() - offer->began_ns;
    if (offer->waited) {
        count(&figures->wait_ns, (uint64_t)spent);
    }
    if (offer->accepted > 0) {
        ef_histogram_add(&figures->publish, spent, offer->accepted);
    }
}

void ef_ring_wait_room(ef_ring *ring, int64_t wait_ns) {
    ef_signal *room = ef_ring_room(ring);
    uint32_t ticket = ef_signal_begin(room);
    if (ef_ring_has_room(ring) || ef_ring_is_closed(ring)) {
        ef_signal_cancel(room);
        return;
    }
    ef_signal_sleep(room, ticket, wait_ns);
}
