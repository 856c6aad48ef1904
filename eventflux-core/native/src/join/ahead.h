/* A join whose windows run ahead of it: each over all its rows of a call at once, before what both have put out is taken in order. */
#ifndef EF_JOIN_AHEAD_H
#define EF_JOIN_AHEAD_H

#include "join/join_inside.h"

/* Whether the windows of both sides may run ahead: nobody has to ask them for what they hold at a moment, and no row can fail. */
bool join_may_run_ahead(const join *j);

/* A whole call. `track` fires all that is due on it, or nothing. */
ef_status join_run_ahead(join *j, const ef_input *inputs, uint32_t count, const ef_track *track, ef_out *out, ef_error *error) EF_MUST_USE;

/* A few rows that the window of one side put out, by the shortest way: what most single rows come to. */
#define JOIN_FEW 8u
bool join_may_take_few(const join *j);
ef_status join_take_few(join *j, uint32_t s, const ef_batch *rows, const join_moves *moves, const ef_track *track, ef_out *out,
                        ef_error *error) EF_MUST_USE;

#endif
