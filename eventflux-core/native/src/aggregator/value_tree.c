/* See value_tree.h. */
#include "aggregator/value_tree.h"

#define CLEAR_DEPTH 64u

typedef struct node {
    int64_t key;
    uint32_t left;
    uint32_t right;
    uint64_t count;
} node;

static const node *node_at(const ef_pages *pages, uint32_t link) {
    return (const node *)(const void *)ef_pages_at(pages, link - 1);
}

/* NULL only where the page is shared and memory is out. */
static node *node_write(ef_pages *pages, uint32_t link) {
    return (node *)(void *)ef_pages_write(pages, link - 1);
}

static uint64_t priority_of(int64_t key, uint64_t seed) {
    return ef_hash_u64((uint64_t)key, seed);
}

/* The path to where `key` is or would be, made private. Nodes of a private page stay where they are, so a pass of
 * changes can follow. */
static bool path_write(ef_pages *pages, uint32_t link, int64_t key) {
    while (link != 0) {
        const node *at = node_write(pages, link);
        if (at == NULL) {
            return false;
        }
        if (at->key == key) {
            return true;
        }
        link = key < at->key ? at->left : at->right;
    }
    return true;
}

static uint32_t find(const ef_pages *pages, uint32_t link, int64_t key) {
    while (link != 0) {
        const node *at = node_at(pages, link);
        if (at->key == key) {
            return link;
        }
        link = key < at->key ? at->left : at->right;
    }
    return 0;
}

ef_status ef_value_tree_add(ef_pages *pages, uint32_t *root, int64_t key, uint64_t seed, ef_error *error) {
    uint32_t found = find(pages, *root, key);
    if (found != 0) {
        node *at = node_write(pages, found);
        if (at == NULL) {
            return ef_fail_memory(error);
        }
        at->count++;
        return EF_OK;
    }
    if (!path_write(pages, *root, key)) {
        return ef_fail_memory(error);
    }
    ef_handle handle;
    EF_TRY(ef_pages_take(pages, sizeof(node), &handle, error));
    node *fresh = node_write(pages, handle + 1);
    if (fresh == NULL) {
        ef_pages_give(pages, handle, sizeof(node));
        return ef_fail_memory(error);
    }
    *fresh = (node){.key = key, .count = 1};
    uint64_t priority = priority_of(key, seed);
    uint32_t *link = root;
    while (*link != 0 && priority_of(node_at(pages, *link)->key, seed) >= priority) {
        node *at = node_write(pages, *link);
        link = key < at->key ? &at->left : &at->right;
    }
    /* Split what hangs there by the key: smaller ones to the left of the new node, larger ones to its right. */
    uint32_t rest = *link;
    *link = handle + 1;
    uint32_t *smaller = &fresh->left, *larger = &fresh->right;
    while (rest != 0) {
        node *at = node_write(pages, rest);
        if (at->key < key) {
            *smaller = rest;
            smaller = &at->right;
            rest = at->right;
        } else {
            *larger = rest;
            larger = &at->left;
            rest = at->left;
        }
    }
    *smaller = 0;
    *larger = 0;
    return EF_OK;
}

/* The spines that a merge of two trees goes down, made private. */
static bool merge_write(ef_pages *pages, uint32_t left, uint32_t right, uint64_t seed) {
    while (left != 0 && right != 0) {
        const node *a = node_write(pages, left);
        const node *b = node_write(pages, right);
        if (a == NULL || b == NULL) {
            return false;
        }
        if (priority_of(a->key, seed) >= priority_of(b->key, seed)) {
            left = a->right;
        } else {
            right = b->left;
        }
    }
    return true;
}

ef_status ef_value_tree_remove(ef_pages *pages, uint32_t *root, int64_t key, uint64_t seed, bool *found,
                               ef_error *error) {
    uint32_t target = find(pages, *root, key);
    *found = target != 0;
    if (target == 0) {
        return EF_OK;
    }
    if (node_at(pages, target)->count > 1) {
        node *at = node_write(pages, target);
        if (at == NULL) {
            return ef_fail_memory(error);
        }
        at->count--;
        return EF_OK;
    }
    if (!path_write(pages, *root, key) ||
        !merge_write(pages, node_at(pages, target)->left, node_at(pages, target)->right, seed)) {
        return ef_fail_memory(error);
    }
    uint32_t *link = root;
    while (*link != target) {
        node *at = node_write(pages, *link);
        link = key < at->key ? &at->left : &at->right;
    }
    uint32_t left = node_at(pages, target)->left, right = node_at(pages, target)->right;
    while (left != 0 && right != 0) {
        node *a = node_write(pages, left);
        node *b = node_write(pages, right);
        if (priority_of(a->key, seed) >= priority_of(b->key, seed)) {
            *link = left;
            link = &a->right;
            left = a->right;
        } else {
            *link = right;
            link = &b->left;
            right = b->left;
        }
    }
    *link = left != 0 ? left : right;
    ef_pages_give(pages, target - 1, sizeof(node));
    return EF_OK;
}

int64_t ef_value_tree_least(const ef_pages *pages, uint32_t root) {
    const node *at = node_at(pages, root);
    while (at->left != 0) {
        at = node_at(pages, at->left);
    }
    return at->key;
}

/* Gives back the subtrees of a stack that could not grow: each node is found as the least above the one before. */
static void clear_in_order(ef_pages *pages, uint32_t root) {
    int64_t last = 0;
    bool begun = false;
    for (;;) {
        uint32_t at = root, next = 0;
        while (at != 0) {
            const node *seen = node_at(pages, at);
            if (!begun || seen->key > last) {
                next = at;
                at = seen->left;
            } else {
                at = seen->right;
            }
        }
        if (next == 0) {
            return;
        }
        last = node_at(pages, next)->key;
        begun = true;
        ef_pages_give(pages, next - 1, sizeof(node));
    }
}

void ef_value_tree_clear(ef_pages *pages, uint32_t *root) {
    /* Writes nothing and takes no memory, so that it cannot fail; blocks that were given stay readable until the slice ends. A treap is
     * hardly ever deeper than the stack is high. */
    uint32_t stack[CLEAR_DEPTH];
    uint32_t depth = 0;
    if (*root != 0) {
        stack[depth++] = *root;
    }
    *root = 0;
    while (depth > 0) {
        uint32_t at = stack[--depth];
        const node *seen = node_at(pages, at);
        if (depth + 2 > CLEAR_DEPTH) {
            clear_in_order(pages, at);
            continue;
        }
        if (seen->left != 0) {
            stack[depth++] = seen->left;
        }
        if (seen->right != 0) {
            stack[depth++] = seen->right;
        }
        ef_pages_give(pages, at - 1, sizeof(node));
    }
}

/* Loaded nodes hang together as they were saved, by the priorities of the saved seed. They are claimed in order of keys, which proves
 * that they form a search tree, chained through `left`, and put into a fresh tree of this seed one after the other. */
ef_status ef_value_tree_check(ef_pages *pages, uint32_t *root, uint64_t seed, ef_claims *claims, uint64_t *total,
                              ef_error *error) {
    uint32_t *stack = NULL;
    uint32_t capacity = 0, depth = 0;
    uint32_t link = *root, chain = 0;
    bool begun = false;
    int64_t last = 0;
    ef_status status = EF_OK;
    *root = 0;
    *total = 0;
    while (status == EF_OK && (link != 0 || depth > 0)) {
        if (link != 0) {
            status = ef_claim(claims, link - 1, sizeof(node), error);
            void *grown = stack;
            if (status == EF_OK) {
                status = ef_grow(claims->alloc, &grown, &capacity, depth + 1, sizeof *stack, error);
                stack = grown;
            }
            if (status == EF_OK) {
                stack[depth++] = link;
                link = node_at(pages, link)->left;
            }
            continue;
        }
        uint32_t at = stack[--depth];
        node *seen = node_write(pages, at);
        if (seen == NULL) {
            status = ef_fail_memory(error);
        } else if (seen->count == 0 || (begun && seen->key <= last)) {
            status = ef_fail(error, EF_CORRUPT, "the values of a group are not in order in the saved state");
        } else {
            begun = true;
            last = seen->key;
            *total += seen->count;
            link = seen->right;
            seen->left = chain;
            chain = at;
        }
    }
    ef_free(claims->alloc, stack, capacity * sizeof *stack);
    /* The chain goes from the largest key down; each next node is the least so far: it goes left of what has a smaller priority. */
    while (status == EF_OK && chain != 0) {
        node *at = node_write(pages, chain);
        uint32_t next = at->left;
        uint64_t priority = priority_of(at->key, seed);
        uint32_t *place = root;
        while (*place != 0 && priority_of(node_at(pages, *place)->key, seed) >= priority) {
            place = &node_write(pages, *place)->left;
        }
        at->left = 0;
        at->right = *place;
        *place = chain;
        chain = next;
    }
    return status;
}
