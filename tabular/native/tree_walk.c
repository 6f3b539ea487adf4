/* Scores rows with a forest of numeric trees, bit for bit as XGBoost's own CPU predictor does.

   It is called through ctypes (tabular/forest.py), so it needs no header of Python's. It knows nothing of a model: the
   nodes come as data, checked by the caller. Leaves are added in single precision, tree after tree, on top of the base
   margin, as XGBoost adds them; the link is its common::Sigmoid (src/common/math.h of XGBoost 3.2) with the same libm.
   Compile without contraction and without fast-math: the order and the rounding of every addition count. */
#include <math.h>
#include <stdint.h>

typedef struct {
    float value;               /* a split's threshold, a leaf's weight */
    int32_t feature;           /* -1 is a leaf */
    int32_t left, right;       /* indices of nodes */
    int32_t missing_goes_left;
} Node;

/* Raised whenever what is below changes its meaning; tabular/forest.py asks for it. */
int32_t tree_walk_version(void) { return 1; }

/* The margin of a chance: XGBoost's ProbToMargin of binary:logistic. */
float tree_walk_logit(float chance) { return -logf(1.0f / chance - 1.0f); }

static float chance(float margin) {
    float x = -margin < 88.7f ? -margin : 88.7f;
    return 1.0f / (expf(x) + 1.0f + 1e-16f);
}

/* roots: each tree's first node, in the order of boosting; row: the features of one row, NaN where missing. */
float tree_walk_one(const Node *nodes, const int32_t *roots, int32_t trees, float base, int32_t is_logistic,
                    const float *row) {
    float sum = base;
    for (int32_t tree = 0; tree < trees; tree++) {
        const Node *node = nodes + roots[tree];
        while (node->feature >= 0) {
            float x = row[node->feature];
            int left = x != x ? node->missing_goes_left : x < node->value;
            node = nodes + (left ? node->left : node->right);
        }
        sum += node->value;
    }
    return is_logistic ? chance(sum) : sum;
}

/* rows: n x features, row after row; scores: n. */
void tree_walk(const Node *nodes, const int32_t *roots, int32_t trees, float base, int32_t is_logistic,
               const float *rows, int32_t n, int32_t features, float *scores) {
    for (int32_t at = 0; at < n; at++)
        scores[at] = tree_walk_one(nodes, roots, trees, base, is_logistic, rows + (int64_t)at * features);
}
