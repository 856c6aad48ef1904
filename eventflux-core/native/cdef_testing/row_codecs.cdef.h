struct ef_column {
    void *values;
    uint8_t *validity;
    ef_type type;
};
struct ef_batch {
    uint32_t rows;
    uint32_t columns;
    struct ef_column *column;
    int64_t *timestamps;
    ...;
};
