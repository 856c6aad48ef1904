/* Rows of patterns in which nothing falls due: chains and straight sequences. No timer comes between their events, so there is no clock to look after.
 *
 * Two inputs are merged run by run: as long as the rows of one come first, the other is not asked. */
#include "pattern/machine.h"

static ef_status step(run *r, const ef_batch *batch, uint32_t port, uint32_t row, int64_t cause) {
    pattern *p = r->p;
    if (EF_UNLIKELY(batch->kinds != NULL && batch->kinds[row] == EF_RESET)) {
        return EF_OK;
    }
    r->port = port;
    r->row = row;
    r->slot = ef_row_slot(batch, row);
    r->timestamp = batch->timestamps[row];
    r->cause = cause;
    if (EF_UNLIKELY(r->slot >= p->slots.count || !slot_at(p, r->slot)->started)) {
        r->clock = ef_row_clock(batch, row, r->track);
        EF_TRY(slot_begin(r, r->slot, r->clock));
    }
    return p->is_chain ? chain_event(r) : straight_row(r);
}

/* Whether the event, which passes no state by itself, finds nothing to do in its slot either: to bring in what is fresh, to drop what is out of WITHIN. */
static bool is_idle(const pattern *p, const ef_batch *batch, uint32_t row) {
    uint32_t slot = ef_row_slot(batch, row);
    if (EF_UNLIKELY(slot >= p->slots.count)) {
        return false;
    }
    const slot_state *at = slot_at(p, slot);
    return at->started && at->fresh == 0 && !may_expire(p, at, batch->timestamps[row]);
}

static ef_status take_one(run *r, const ef_input *input) {
    const ef_batch *batch = input->batch;
    if (batch->rows == 1) {
        return step(r, batch, input->port, 0, ef_row_cause(batch, 0));
    }
    const uint8_t *passes;
    EF_TRY(port_passes(r, input->port, &passes));
    for (uint32_t i = 0; i < batch->rows; i++) {
        if (passes == NULL || passes[i] || !is_idle(r->p, batch, i)) {
            ahead_of_row(r, input->port, i);
            EF_TRY(step(r, batch, input->port, i, ef_row_cause(batch, i)));
        }
    }
    return EF_OK;
}

/* Rows of an input that come before `until`, or with it where they are first then. */
static ef_status take_until(run *r, const ef_input *input, uint32_t *at, int64_t until, bool is_first) {
    const ef_batch *batch = input->batch;
    for (; *at < batch->rows; (*at)++) {
        int64_t cause = ef_row_cause(batch, *at);
        if (cause > until || (cause == until && !is_first)) {
            return EF_OK;
        }
        ahead_of_row(r, input->port, *at);
        EF_TRY(step(r, batch, input->port, *at, cause));
    }
    return EF_OK;
}

static ef_status take_two(run *r, const ef_input *inputs) {
    const ef_batch *left = inputs[0].batch, *right = inputs[1].batch;
    bool is_left_first = inputs[0].order <= inputs[1].order;
    uint32_t at_left = 0, at_right = 0;
    while (at_left < left->rows && at_right < right->rows) {
        EF_TRY(take_until(r, &inputs[0], &at_left, ef_row_cause(right, at_right), is_left_first));
        if (at_left < left->rows) {
            EF_TRY(take_until(r, &inputs[1], &at_right, ef_row_cause(left, at_left), !is_left_first));
        }
    }
    EF_TRY(take_until(r, &inputs[0], &at_left, INT64_MAX, true));
    return take_until(r, &inputs[1], &at_right, INT64_MAX, true);
}

bool timeless_takes(const pattern *p, uint32_t count) {
    return (p->is_chain || p->has_straight_rows) && (count == 1 || count == 2);
}

ef_status timeless_rows(run *r, const ef_input *inputs, uint32_t count) {
    return count == 1 ? take_one(r, &inputs[0]) : take_two(r, inputs);
}
