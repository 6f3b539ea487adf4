/* Scores rows with an ensemble of trees, bit-identical to XGBoost's own CPU predictor.

   It is called through ctypes (tabular/model/tree_traversal.py), so it needs no header of Python's. It knows nothing of a model: the
   nodes come as data, checked by the caller. Leaves are added in single precision, tree after tree, on top of the base
   margin, as XGBoost adds them; the link is its common::Sigmoid (src/common/math.h of XGBoost 3.2) with the same libm.
   Compile without contraction and without fast-math: the order and the rounding of every addition count.

   A step depends on the step before it, so one traversal alone keeps the processor waiting. LANES traversals take their
   steps in turn: of one row in several trees, or of several rows in one tree. One that has reached its leaf stays there. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#define LANES 16

typedef struct {
    float value;               /* a split's threshold, a leaf's weight */
    int32_t feature;           /* of a leaf any */
    int32_t children[2];       /* left and right, as indices of nodes; a leaf is its own */
    int32_t missing_goes_left; /* 0 or 1 */
} Node;

typedef struct {
    int32_t root;  /* its first node */
    int32_t depth; /* steps to its deepest leaf */
} Tree;

/* The sets of categories of splits by category; NULL for an ensemble without such splits. */
typedef struct {
    const int32_t *starts; /* of each node: where its set begins, -1 for a leaf and for a split by number */
    const uint32_t *words; /* of each set: how many words follow, then one bit a category that goes right */
} Sets;

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Raised whenever what is below changes its meaning; tabular/model/tree_traversal.py asks for it. */
int32_t tree_traversal_version(void) { return 3; }

/* The margin of a probability: XGBoost's ProbToMargin of binary:logistic. */
float tree_traversal_logit(float probability) { return -logf(1.0f / probability - 1.0f); }

static float linked(float margin, int32_t is_logistic) {
    if (!is_logistic)
        return margin;
    float x = -margin < 88.7f ? -margin : 88.7f;
    return 1.0f / (expf(x) + 1.0f + 1e-16f);
}

/* XGBoost's common::Decision: what is no category goes left, as one does that the set does not hold. */
static int is_in(const uint32_t *set, float x) {
    if (!(x >= 0.0f && x < 16777216.0f))
        return 0;
    uint32_t category = (uint32_t)x;
    return category / 32 < set[0] && (set[1 + category / 32] >> category % 32 & 1);
}

/* By a number without a branch: which way a row goes is what a processor guesses wrong. `sets` is a constant NULL where the
   ensemble has none, so that nothing is asked there. */
ALWAYS_INLINE int32_t step(const Node *nodes, const Sets *sets, int32_t at, const float *row) {
    const Node *node = nodes + at;
    float x = row[node->feature];
    int goes_left = (x < node->value) | ((x != x) & node->missing_goes_left);
    if (sets && sets->starts[at] >= 0 && x == x)
        goes_left = !is_in(sets->words + sets->starts[at], x);
    return node->children[!goes_left];
}

ALWAYS_INLINE float one(const Node *nodes, const Tree *ensemble, int32_t trees, float base, int32_t is_logistic,
                        const Sets *sets, const float *row) {
    float sum = base;
    for (int32_t first = 0; first < trees; first += LANES) {
        int32_t at[LANES], depth = 0, lanes = trees - first < LANES ? trees - first : LANES;
        for (int32_t lane = 0; lane < lanes; lane++) {
            const Tree *tree = ensemble + first + lane;
            at[lane] = tree->root;
            depth = tree->depth > depth ? tree->depth : depth;
        }
        for (; depth > 0; depth--)
            for (int32_t lane = 0; lane < lanes; lane++)
                at[lane] = step(nodes, sets, at[lane], row);
        for (int32_t lane = 0; lane < lanes; lane++)
            sum += nodes[at[lane]].value;
    }
    return linked(sum, is_logistic);
}

/* LANES rows from the first one on, through one tree after the other. */
ALWAYS_INLINE void traverse_together(const Node *nodes, const Tree *ensemble, int32_t trees, float base,
                                     int32_t is_logistic, const Sets *sets, const float *first, int32_t features,
                                     float *scores) {
    float sums[LANES];
    for (int32_t lane = 0; lane < LANES; lane++)
        sums[lane] = base;
    for (const Tree *tree = ensemble; tree < ensemble + trees; tree++) {
        int32_t at[LANES];
        for (int32_t lane = 0; lane < LANES; lane++)
            at[lane] = tree->root;
        for (int32_t depth = tree->depth; depth > 0; depth--)
#pragma GCC unroll 16
            for (int32_t lane = 0; lane < LANES; lane++)
                at[lane] = step(nodes, sets, at[lane], first + (int64_t)lane * features);
        for (int32_t lane = 0; lane < LANES; lane++)
            sums[lane] += nodes[at[lane]].value;
    }
    for (int32_t lane = 0; lane < LANES; lane++)
        scores[lane] = linked(sums[lane], is_logistic);
}

ALWAYS_INLINE void many(const Node *nodes, const Tree *ensemble, int32_t trees, float base, int32_t is_logistic,
                        const Sets *sets, const float *rows, int32_t n, int32_t features, float *scores) {
    int32_t at = 0;
    for (; at + LANES <= n; at += LANES)
        traverse_together(nodes, ensemble, trees, base, is_logistic, sets, rows + (int64_t)at * features, features,
                          scores + at);
    for (; at < n; at++)
        scores[at] = one(nodes, ensemble, trees, base, is_logistic, sets, rows + (int64_t)at * features);
}

/* ensemble: the trees in the order of boosting; row: the features of one row, NaN where missing. */
float tree_traversal_one(const Node *nodes, const Tree *ensemble, int32_t trees, float base, int32_t is_logistic,
                         const float *row) {
    return one(nodes, ensemble, trees, base, is_logistic, NULL, row);
}

/* rows: n x features, row after row; scores: n. */
void tree_traversal_many(const Node *nodes, const Tree *ensemble, int32_t trees, float base, int32_t is_logistic,
                         const float *rows, int32_t n, int32_t features, float *scores) {
    many(nodes, ensemble, trees, base, is_logistic, NULL, rows, n, features, scores);
}

/* The same for an ensemble with splits by category. */
float tree_traversal_one_by_category(const Node *nodes, const Tree *ensemble, int32_t trees, float base,
                                     int32_t is_logistic, const int32_t *starts, const uint32_t *words,
                                     const float *row) {
    Sets sets = {starts, words};
    return one(nodes, ensemble, trees, base, is_logistic, &sets, row);
}

void tree_traversal_many_by_category(const Node *nodes, const Tree *ensemble, int32_t trees, float base,
                                     int32_t is_logistic, const int32_t *starts, const uint32_t *words,
                                     const float *rows, int32_t n, int32_t features, float *scores) {
    Sets sets = {starts, words};
    many(nodes, ensemble, trees, base, is_logistic, &sets, rows, n, features, scores);
}
