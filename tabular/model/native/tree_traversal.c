/* Scores rows with an ensemble of numeric trees, bit-identical to XGBoost's own CPU predictor.

   It is called through ctypes (tabular/model/tree_traversal.py), so it needs no header of Python's. It knows nothing of a model: the
   nodes come as data, checked by the caller. Leaves are added in single precision, tree after tree, on top of the base
   margin, as XGBoost adds them; the link is its common::Sigmoid (src/common/math.h of XGBoost 3.2) with the same libm.
   Compile without contraction and without fast-math: the order and the rounding of every addition count.

   A step depends on the step before it, so one traversal alone keeps the processor waiting. LANES traversals take their
   steps in turn: of one row in several trees, or of several rows in one tree. One that has reached its leaf stays there. */
#include <math.h>
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

/* Raised whenever what is below changes its meaning; tabular/model/tree_traversal.py asks for it. */
int32_t tree_traversal_version(void) { return 2; }

/* The margin of a probability: XGBoost's ProbToMargin of binary:logistic. */
float tree_traversal_logit(float probability) { return -logf(1.0f / probability - 1.0f); }

static float linked(float margin, int32_t is_logistic) {
    if (!is_logistic)
        return margin;
    float x = -margin < 88.7f ? -margin : 88.7f;
    return 1.0f / (expf(x) + 1.0f + 1e-16f);
}

/* No branch: which way a row goes is what a processor guesses wrong. */
static inline int32_t step(const Node *nodes, int32_t at, const float *row) {
    const Node *node = nodes + at;
    float x = row[node->feature];
    int goes_left = (x < node->value) | ((x != x) & node->missing_goes_left);
    return node->children[!goes_left];
}

/* ensemble: the trees in the order of boosting; row: the features of one row, NaN where missing. */
float tree_traversal_one(const Node *nodes, const Tree *ensemble, int32_t trees, float base, int32_t is_logistic,
                    const float *row) {
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
                at[lane] = step(nodes, at[lane], row);
        for (int32_t lane = 0; lane < lanes; lane++)
            sum += nodes[at[lane]].value;
    }
    return linked(sum, is_logistic);
}

/* LANES rows from the first one on, through one tree after the other. */
static void traverse_together(const Node *nodes, const Tree *ensemble, int32_t trees, float base, int32_t is_logistic,
                          const float *first, int32_t features, float *scores) {
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
                at[lane] = step(nodes, at[lane], first + (int64_t)lane * features);
        for (int32_t lane = 0; lane < LANES; lane++)
            sums[lane] += nodes[at[lane]].value;
    }
    for (int32_t lane = 0; lane < LANES; lane++)
        scores[lane] = linked(sums[lane], is_logistic);
}

/* rows: n x features, row after row; scores: n. */
void tree_traversal_many(const Node *nodes, const Tree *ensemble, int32_t trees, float base, int32_t is_logistic,
               const float *rows, int32_t n, int32_t features, float *scores) {
    int32_t at = 0;
    for (; at + LANES <= n; at += LANES)
        traverse_together(nodes, ensemble, trees, base, is_logistic, rows + (int64_t)at * features, features, scores + at);
    for (; at < n; at++)
        scores[at] = tree_traversal_one(nodes, ensemble, trees, base, is_logistic, rows + (int64_t)at * features);
}
