/* Windows bounded by a condition on their content: expression and expressionBatch. */
#ifndef EF_WINDOW_EXPRESSION_H
#define EF_WINDOW_EXPRESSION_H

#include "ops/select.h"

/* How the condition sees the window: a selection, whose one visible output is the condition, over rows of
 *
 *      [ columns of a row ][ columns of the oldest row, its timestamp ][ columns of the newest row, its timestamp ]
 *
 * Its aggregates run over the rows that are in the window: a row that enters is CURRENT to it, one that leaves EXPIRED, and RESET
 * empties it. `select`: outputs and aggregates; no group keys, having, order or limit; kinds are set by the window. */
typedef struct ef_expression_config {
    ef_select_config *select; /* its programs are taken */
    bool is_batch;            /* expressionBatch */
    bool includes;            /* the row that ends a batch belongs to it */
    bool streams;             /* rows go out at once */
} ef_expression_config;

/* Columns that the condition is given. */
static inline uint32_t ef_expression_columns(uint32_t columns) {
    return 3 * columns + 2;
}

/* The class of *self is ef_expression_window_class, or ef_expression_batch_window_class. */
ef_status ef_expression_window_create(const ef_operator_config *config, const ef_expression_config *expression,
                                      void **self, ef_error *error) EF_MUST_USE;
extern const ef_operator_class ef_expression_window_class;
extern const ef_operator_class ef_expression_batch_window_class;

#endif
