/* A multiset of int64 keys in blocks of a page store, ordered: a treap.
 *
 *      state: [ root ] -> node: [ key ][ left ][ right ][ count ]        links are handle + 1, 0: none
 *
 * The priority of a node is a hash of its key, so that the shape depends on the keys alone and is not stored; expected depth
 * O(log n). Insertion splits, removal merges, both top down without recursion; the pages on the path are made private first, so that an
 * operation either happens or fails with nothing changed. */
#ifndef EF_AGGREGATOR_VALUE_TREE_H
#define EF_AGGREGATOR_VALUE_TREE_H

#include "aggregator/aggregator.h"

ef_status ef_value_tree_add(ef_pages *pages, uint32_t *root, int64_t key, uint64_t seed, ef_error *error) EF_MUST_USE;
/* *found: whether the key was there. */
ef_status ef_value_tree_remove(ef_pages *pages, uint32_t *root, int64_t key, uint64_t seed, bool *found,
                               ef_error *error) EF_MUST_USE;
/* Of a tree that is not empty. */
int64_t ef_value_tree_least(const ef_pages *pages, uint32_t root);
void ef_value_tree_clear(ef_pages *pages, uint32_t *root);
/* Claims the nodes of a loaded tree and orders it anew by this seed; *total: how many values it holds. */
ef_status ef_value_tree_check(ef_pages *pages, uint32_t *root, uint64_t seed, ef_claims *claims, uint64_t *total,
                              ef_error *error) EF_MUST_USE;

#endif
