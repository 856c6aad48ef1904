/* The loop that every fold is: EF_FOLD_LOOP(name, state_type, value_type, out_type, takes_nulls) makes `name_fold` out of
 *
 *      static inline ef_status name_add(const ef_aggregate *, ef_fold *, state_type *, const value_type *values, uint32_t row)
 *      static inline ef_status name_remove(the same)
 *      static inline void name_clear(const ef_aggregate *, state_type *)
 *      static inline bool name_read(const ef_aggregate *, ef_fold *, const state_type *, out_type *)    false: null
 *
 * It is one body, specialised by constants: one group or many; all rows added without nulls, added and removed without nulls, or
 * anything at all; all rows put out or some; and a single row. With one group the state stays in registers. takes_nulls: null arguments go to add and
 * remove like others. */
#ifndef EF_AGGREGATOR_FOLD_LOOP_H
#define EF_AGGREGATOR_FOLD_LOOP_H

#include "aggregator/aggregator.h"

enum { EF_FOLD_ADDS, EF_FOLD_MIXED, EF_FOLD_GENERAL };

#define EF_FOLD_LOOP(name, state_type, value_type, out_type, takes_nulls) \
    EF_FOLD_LOOP_OF(name, state_type, value_type, out_type, takes_nulls, false)
/* A row that adds a value shows what is in *out, also where read says null. */
#define EF_FOLD_LOOP_SHOWING_ADDED(name, state_type, value_type, out_type) \
    EF_FOLD_LOOP_OF(name, state_type, value_type, out_type, false, true)

#define EF_FOLD_LOOP_OF(name, state_type, value_type, out_type, takes_nulls, shows_added)                               \
    EF_ALWAYS_INLINE ef_status name##_rows(const ef_aggregate *aggregate, ef_fold *fold, const bool single,             \
                                           const int form, const bool all) {                                            \
        const value_type *restrict values = fold->values;                                                               \
        const uint8_t *restrict actions = fold->actions;                                                                \
        const uint8_t *restrict validity = fold->validity;                                                              \
        const uint8_t *restrict emit = fold->emit;                                                                      \
        char *const *restrict groups = fold->groups;                                                                    \
        out_type *restrict out = fold->out;                                                                             \
        uint8_t *restrict out_valid = fold->out_valid;                                                                  \
        const uint32_t offset = aggregate->offset;                                                                      \
        const uint32_t rows = fold->rows;                                                                               \
        ef_status status = EF_OK;                                                                                       \
        uint32_t put = 0;                                                                                               \
        unsigned nulls = 0;                                                                                             \
        state_type held;                                                                                                \
        state_type *state = &held;                                                                                      \
        if (single) {                                                                                                   \
            memcpy(&held, fold->single + offset, sizeof held);                                                          \
        }                                                                                                               \
        for (uint32_t i = 0; i < rows; i++) {                                                                           \
            unsigned action = EF_FOLD_ADD;                                                                              \
            bool counts = true, adds = false;                                                                           \
            if (form != EF_FOLD_ADDS && actions != NULL) {                                                              \
                action = actions[i];                                                                                    \
            }                                                                                                           \
            if (form == EF_FOLD_GENERAL && (action & EF_FOLD_SKIP) != 0) {                                              \
                continue;                                                                                               \
            }                                                                                                           \
            if (!single) {                                                                                              \
                state = (state_type *)(void *)(groups[i] + offset);                                                     \
            }                                                                                                           \
            if (form == EF_FOLD_GENERAL) {                                                                              \
                if ((action & EF_FOLD_CLEAR) != 0) {                                                                    \
                    name##_clear(aggregate, state);                                                                     \
                    memset(state, 0, sizeof *state);                                                                    \
                }                                                                                                       \
                counts = (action & EF_FOLD_PASS) == 0 &&                                                                \
                         ((takes_nulls) || validity == NULL || ef_bit(validity, i));                                    \
            }                                                                                                           \
            if (counts) {                                                                                               \
                if (form != EF_FOLD_ADDS && (action & EF_FOLD_REMOVE) != 0) {                                           \
                    status = name##_remove(aggregate, fold, state, values, i);                                          \
                } else {                                                                                                \
                    adds = true;                                                                                        \
                    status = name##_add(aggregate, fold, state, values, i);                                             \
                }                                                                                                       \
                if (status != EF_OK) {                                                                                  \
                    break;                                                                                              \
                }                                                                                                       \
            }                                                                                                           \
            if (all || emit[i]) {                                                                                       \
                bool valid = name##_read(aggregate, fold, state, &out[put]) || ((shows_added) && adds);                 \
                out_valid[put] = valid;                                                                                 \
                nulls |= !valid;                                                                                        \
                put++;                                                                                                  \
            }                                                                                                           \
        }                                                                                                               \
        if (single) {                                                                                                   \
            memcpy(fold->single + offset, &held, sizeof held);                                                          \
        }                                                                                                               \
        fold->emitted = put;                                                                                            \
        fold->any_null |= nulls != 0;                                                                                   \
        return status;                                                                                                  \
    }                                                                                                                   \
    static __attribute__((noinline)) ef_status name##_single(const ef_aggregate *aggregate, ef_fold *fold, int form) {  \
        if (form == EF_FOLD_GENERAL) {                                                                                  \
            return fold->emit == NULL ? name##_rows(aggregate, fold, true, EF_FOLD_GENERAL, true)                       \
                                      : name##_rows(aggregate, fold, true, EF_FOLD_GENERAL, false);                     \
        }                                                                                                               \
        if (form == EF_FOLD_MIXED) {                                                                                    \
            return fold->emit == NULL ? name##_rows(aggregate, fold, true, EF_FOLD_MIXED, true)                         \
                                      : name##_rows(aggregate, fold, true, EF_FOLD_MIXED, false);                       \
        }                                                                                                               \
        return fold->emit == NULL ? name##_rows(aggregate, fold, true, EF_FOLD_ADDS, true)                              \
                                  : name##_rows(aggregate, fold, true, EF_FOLD_ADDS, false);                            \
    }                                                                                                                   \
    static __attribute__((noinline)) ef_status name##_grouped(const ef_aggregate *aggregate, ef_fold *fold, int form) { \
        if (form == EF_FOLD_GENERAL) {                                                                                  \
            return fold->emit == NULL ? name##_rows(aggregate, fold, false, EF_FOLD_GENERAL, true)                      \
                                      : name##_rows(aggregate, fold, false, EF_FOLD_GENERAL, false);                    \
        }                                                                                                               \
        if (form == EF_FOLD_MIXED) {                                                                                    \
            return fold->emit == NULL ? name##_rows(aggregate, fold, false, EF_FOLD_MIXED, true)                        \
                                      : name##_rows(aggregate, fold, false, EF_FOLD_MIXED, false);                      \
        }                                                                                                               \
        return fold->emit == NULL ? name##_rows(aggregate, fold, false, EF_FOLD_ADDS, true)                             \
                                  : name##_rows(aggregate, fold, false, EF_FOLD_ADDS, false);                           \
    }                                                                                                                   \
    EF_ALWAYS_INLINE ef_status name##_row(const ef_aggregate *aggregate, ef_fold *fold) {                               \
        state_type *state = (state_type *)(void *)(fold->single + aggregate->offset);                                   \
        bool adds = false;                                                                                              \
        fold->emitted = 0;                                                                                              \
        if ((takes_nulls) || fold->validity == NULL || ef_bit(fold->validity, 0)) {                                     \
            adds = fold->actions == NULL || (fold->actions[0] & EF_FOLD_REMOVE) == 0;                                   \
            EF_TRY(adds ? name##_add(aggregate, fold, state, fold->values, 0)                                           \
                        : name##_remove(aggregate, fold, state, fold->values, 0));                                      \
        }                                                                                                               \
        if (fold->emit == NULL || fold->emit[0] != 0) {                                                                 \
            bool valid = name##_read(aggregate, fold, state, fold->out) || ((shows_added) && adds);                     \
            fold->out_valid[0] = valid;                                                                                 \
            fold->any_null |= !valid;                                                                                   \
            fold->emitted = 1;                                                                                          \
        }                                                                                                               \
        return EF_OK;                                                                                                   \
    }                                                                                                                   \
    ef_status name##_fold(const ef_aggregate *aggregate, ef_fold *fold) {                                               \
        if (fold->rows == 1 && fold->groups == NULL && !fold->general) {                                                \
            return name##_row(aggregate, fold);                                                                         \
        }                                                                                                               \
        bool nulls_matter = !(takes_nulls) && fold->validity != NULL;                                                   \
        int form = fold->general || nulls_matter ? EF_FOLD_GENERAL : fold->actions != NULL ? EF_FOLD_MIXED              \
                                                                                           : EF_FOLD_ADDS;              \
        return fold->groups == NULL ? name##_single(aggregate, fold, form) : name##_grouped(aggregate, fold, form);     \
    }

#endif
