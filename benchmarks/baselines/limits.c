/* The workloads as bare loops: what the machine allows when types, query and memory are known at compile time.
 *
 * Input and output are plain arrays of the caller; a string is 16 bytes, its length in the first four and the text behind,
 * padded with zeros, so that two words compare and hash it. Keys are hashed and compared, never used as an index. Each
 * function returns the number of rows written, or -1 where memory is missing; `out_*` arrays hold at least `capacity` rows
 * where a capacity is given, n rows otherwise.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SYMBOLS 1000
#define SYMBOL_BITS 12

typedef struct {
    uint64_t head, tail;
} text;

static uint32_t slot_of(int64_t key, int bits)
{
    return (uint32_t)(((uint64_t)key * 0x9E3779B97F4A7C15u) >> (64 - bits));
}

int64_t limit_a(int64_t n, const text *symbol, const double *price, const int64_t *volume,
                text *out_symbol, double *out_value)
{
    int64_t rows = 0;
    for (int64_t i = 0; i < n; i++) {
        out_symbol[rows] = symbol[i];
        out_value[rows] = price[i] * (double)volume[i];
        rows += price[i] > 500.0;
    }
    return rows;
}

int64_t limit_b(int64_t n, const double *price, double *out_average)
{
    double total = 0.0;
    int64_t filled = n < 1000 ? n : 1000;
    for (int64_t i = 0; i < filled; i++) {
        total += price[i];
        out_average[i] = total / (double)(i + 1);
    }
    for (int64_t i = filled; i < n; i++) {
        total += price[i] - price[i - 1000];
        out_average[i] = total / 1000.0;
    }
    return n;
}

typedef struct {
    text key;
    int64_t total;
    double amount;
    int64_t count;
    double low;
    double high;
} group;

/* Open addressing from symbol to a dense group number; no more than SYMBOLS different ones come. */
typedef struct {
    int32_t slots[1 << SYMBOL_BITS];
    group groups[SYMBOLS];
    int32_t live;
} group_table;

static void clear(group_table *table)
{
    memset(table->slots, 0xff, sizeof table->slots);
    table->live = 0;
}

static int32_t group_of(group_table *table, text key)
{
    uint64_t mixed = (key.head ^ key.tail * 0xD6E8FEB86659FD93u) * 0x9E3779B97F4A7C15u;
    uint32_t slot = (uint32_t)(mixed >> (64 - SYMBOL_BITS));
    for (;; slot = (slot + 1) & ((1u << SYMBOL_BITS) - 1)) {
        int32_t found = table->slots[slot];
        if (found < 0) {
            table->slots[slot] = table->live;
            table->groups[table->live] = (group){.key = key};
            return table->live++;
        }
        group *g = &table->groups[found];
        if (g->key.head == key.head && g->key.tail == key.tail) {
            return found;
        }
    }
}

int64_t limit_c(int64_t n, const int64_t *ts, const text *symbol, const double *price,
                const int64_t *volume, text *out_symbol, int64_t *out_total, double *out_average,
                int64_t *out_count, double *out_low, double *out_high)
{
    group_table *table = malloc(sizeof *table);
    if (table == NULL) {
        return -1;
    }
    clear(table);
    int64_t rows = 0;
    int64_t end = n > 0 ? ts[0] / 1000 * 1000 + 1000 : 0;
    for (int64_t i = 0; i < n; i++) {
        if (ts[i] >= end) {
            for (int32_t k = 0; k < table->live; k++) {
                group *g = &table->groups[k];
                out_symbol[rows] = g->key;
                out_total[rows] = g->total;
                out_average[rows] = g->amount / (double)g->count;
                out_count[rows] = g->count;
                out_low[rows] = g->low;
                out_high[rows++] = g->high;
            }
            clear(table);
            end = ts[i] / 1000 * 1000 + 1000;
        }
        group *g = &table->groups[group_of(table, symbol[i])];
        if (g->count++ == 0) {
            g->low = g->high = price[i];
        }
        g->total += volume[i];
        g->amount += price[i];
        g->low = price[i] < g->low ? price[i] : g->low;
        g->high = price[i] > g->high ? price[i] : g->high;
    }
    free(table);
    return rows;
}

int64_t limit_d(int64_t n, const int64_t *ts, const text *symbol, const double *price,
                const int64_t *volume, text *out_symbol, int64_t *out_total, double *out_average,
                int64_t *out_count)
{
    group_table *table = malloc(sizeof *table);
    int32_t *kept = malloc(sizeof *kept * (size_t)(n > 0 ? n : 1)); /* the group of each row */
    int64_t oldest = 0, rows = n;
    if (table == NULL || kept == NULL) {
        rows = -1;
        goto done;
    }
    clear(table);
    for (int64_t i = 0; i < n; i++) {
        for (; ts[oldest] <= ts[i] - 10000; oldest++) {
            group *gone = &table->groups[kept[oldest]];
            gone->total -= volume[oldest];
            gone->amount -= price[oldest];
            gone->count--;
        }
        kept[i] = group_of(table, symbol[i]);
        group *g = &table->groups[kept[i]];
        g->total += volume[i];
        g->amount += price[i];
        g->count++;
        out_symbol[i] = symbol[i];
        out_total[i] = g->total;
        out_average[i] = g->amount / (double)g->count;
        out_count[i] = g->count;
    }
done:
    free(table);
    free(kept);
    return rows;
}

/* Rows of a side with the same hash are chained, newest first: a chain is left at its first row that is too old. */
int64_t limit_e(int64_t n, const int64_t *ts, const uint8_t *is_payment, const int64_t *id,
                const double *amount, int64_t capacity, int64_t *out_id, double *out_ordered,
                double *out_paid)
{
    enum { BITS = 13 };
    int64_t *heads = malloc(sizeof *heads * 2 << BITS);
    int64_t *previous = malloc(sizeof *previous * (size_t)(n > 0 ? n : 1));
    int64_t rows = 0;
    if (heads == NULL || previous == NULL) {
        rows = -1;
        goto done;
    }
    memset(heads, 0xff, sizeof *heads * 2 << BITS);
    for (int64_t i = 0; i < n; i++) {
        uint32_t slot = slot_of(id[i], BITS);
        int64_t own = is_payment[i];
        for (int64_t j = heads[((1 - own) << BITS) + slot]; j >= 0 && ts[j] > ts[i] - 1000; j = previous[j]) {
            if (id[j] == id[i] && rows < capacity) {
                out_id[rows] = id[i];
                out_ordered[rows] = own ? amount[j] : amount[i];
                out_paid[rows++] = own ? amount[i] : amount[j];
            }
        }
        int64_t *head = &heads[(own << BITS) + slot];
        previous[i] = *head;
        *head = i;
    }
done:
    free(heads);
    free(previous);
    return rows;
}

int64_t limit_f(int64_t n, const text *symbol, const double *price, const int64_t *account,
                int64_t entries, const int64_t *keys, const text *names, const double *factors, text *out_symbol,
                text *out_name, double *out_value)
{
    enum { BITS = 18 };
    int32_t *table = malloc(sizeof *table << BITS);
    if (table == NULL) {
        return -1;
    }
    memset(table, 0xff, sizeof *table << BITS);
    for (int64_t k = 0; k < entries; k++) {
        uint32_t slot = slot_of(keys[k], BITS);
        while (table[slot] >= 0) {
            slot = (slot + 1) & ((1u << BITS) - 1);
        }
        table[slot] = (int32_t)k;
    }
    int64_t rows = 0;
    for (int64_t i = 0; i < n; i++) {
        uint32_t slot = slot_of(account[i], BITS);
        while (table[slot] >= 0 && keys[table[slot]] != account[i]) {
            slot = (slot + 1) & ((1u << BITS) - 1);
        }
        if (table[slot] >= 0) {
            out_symbol[rows] = symbol[i];
            out_name[rows] = names[table[slot]];
            out_value[rows++] = price[i] * factors[table[slot]];
        }
    }
    free(table);
    return rows;
}

/* Events that wait, chained by hash of their id; a walk drops what it completes and what is too old. */
int64_t limit_g(int64_t n, const int64_t *ts, const uint8_t *is_second, const int64_t *id,
                const double *price, int64_t *out_id, double *out_first, double *out_second)
{
    enum { BITS = 14 };
    int64_t *heads = malloc(sizeof *heads << BITS);
    int64_t *next = malloc(sizeof *next * (size_t)(n > 0 ? n : 1));
    int64_t rows = 0;
    if (heads == NULL || next == NULL) {
        rows = -1;
        goto done;
    }
    memset(heads, 0xff, sizeof *heads << BITS);
    for (int64_t i = 0; i < n; i++) {
        int64_t *link = &heads[slot_of(id[i], BITS)];
        if (!is_second[i]) {
            next[i] = *link;
            *link = i;
            continue;
        }
        while (*link >= 0) {
            int64_t j = *link;
            if (ts[j] < ts[i] - 10000) {
                *link = -1; /* newest first: all behind it are older still */
            } else if (id[j] == id[i] && price[i] > price[j]) {
                out_id[rows] = id[i];
                out_first[rows] = price[j];
                out_second[rows++] = price[i];
                *link = next[j];
            } else {
                link = &next[j];
            }
        }
    }
done:
    free(heads);
    free(next);
    return rows;
}

int64_t limit_h(int64_t n, const double *price, double *out_1, double *out_2, double *out_3)
{
    int64_t rows = 0;
    for (int64_t i = 2; i < n; i++) {
        if (price[i - 2] < price[i - 1] && price[i - 1] < price[i]) {
            out_1[rows] = price[i - 2];
            out_2[rows] = price[i - 1];
            out_3[rows++] = price[i];
        }
    }
    return rows;
}

int64_t limit_i(int64_t n, const int64_t *ts, const int64_t *id, const double *price, int64_t *out_id,
                double *out_first, double *out_second)
{
    enum { BITS = 14 };
    int64_t *heads = malloc(sizeof *heads << BITS);
    int64_t *next = malloc(sizeof *next * (size_t)(n > 0 ? n : 1));
    int64_t rows = 0;
    if (heads == NULL || next == NULL) {
        rows = -1;
        goto done;
    }
    memset(heads, 0xff, sizeof *heads << BITS);
    for (int64_t i = 0; i < n; i++) {
        int64_t *link = &heads[slot_of(id[i], BITS)];
        if (price[i] > 900.0) {
            next[i] = *link;
            *link = i;
        } else if (price[i] < 100.0) {
            while (*link >= 0) {
                int64_t j = *link;
                if (ts[j] < ts[i] - 60000) {
                    *link = -1;
                } else if (id[j] == id[i]) {
                    out_id[rows] = id[i];
                    out_first[rows] = price[j];
                    out_second[rows++] = price[i];
                    *link = next[j];
                } else {
                    link = &next[j];
                }
            }
        }
    }
done:
    free(heads);
    free(next);
    return rows;
}

/* Seconds, rolled up into minutes and hours as they close; the rows written are the seconds. */
int64_t limit_j(int64_t n, const int64_t *ts, const text *symbol, const double *price,
                const int64_t *volume, int64_t capacity, text *out_symbol, int64_t *out_total,
                double *out_average, int64_t *out_count)
{
    static const int64_t units[3] = {1000, 60000, 3600000};
    group_table *levels = malloc(sizeof *levels * 3);
    if (levels == NULL) {
        return -1;
    }
    for (int level = 0; level < 3; level++) {
        clear(&levels[level]);
    }
    int64_t rows = 0;
    for (int64_t i = 0; i <= n; i++) {
        for (int level = 0; level < 3 && i > 0; level++) {
            if (i < n && ts[i] / units[level] == ts[i - 1] / units[level]) {
                break;
            }
            for (int32_t k = 0; k < levels[level].live; k++) {
                group *g = &levels[level].groups[k];
                if (level == 0 && rows < capacity) {
                    out_symbol[rows] = g->key;
                    out_total[rows] = g->total;
                    out_average[rows] = g->amount / (double)g->count;
                    out_count[rows++] = g->count;
                }
                if (level < 2) {
                    group *up = &levels[level + 1].groups[group_of(&levels[level + 1], g->key)];
                    up->total += g->total;
                    up->amount += g->amount;
                    up->count += g->count;
                }
            }
            clear(&levels[level]);
        }
        if (i < n) {
            group *g = &levels[0].groups[group_of(&levels[0], symbol[i])];
            g->total += volume[i];
            g->amount += price[i];
            g->count++;
        }
    }
    free(levels);
    return rows;
}
