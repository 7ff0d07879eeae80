/* Task vectors: what models have learned since the base that they all come from. The merges of them are
 * mergekit's (arcee-ai/mergekit, merge_methods/generalized_task_arithmetic.py and sparsify.py), element
 * by element, for models theta_k of weights w_k:
 *   theta = base + lambda / n * sum_k c_k w_k f_k m_k (theta_k - base)
 * m_k    1 where the sieve of model k keeps the element, else 0; f_k its factor
 * c_k    with consensus 1 where w_k f_k m_k (theta_k - base) has the sign of the sum of these over k (a
 *        sum of 0 counts as positive), else 0; without it 1
 * n      where the sum is normalised sum_k c_k w_k, 1 instead of 0; else 1
 * Running statistics of a normalisation are measurements, not learned (a difference of variances may lead
 * below 0): they are averaged by w_k. */
#ifndef WELD_MERGE_TASK_H
#define WELD_MERGE_TASK_H
#include "core/rng.h"
#include "merge/mergers.h"

/* What is left of the task vector of one model in one parameter. Elements are asked for in order. */
typedef struct weld_sieve {
    const weld_merge_job *job;
    int param, model;
    double factor; /* of what is kept */
    /* The element of this value is kept; NULL = all are. */
    bool (*keeps)(struct weld_sieve *sieve, double value);
    uint64_t least; /* by magnitude: bits of the least one that is kept */
    int64_t equals; /* elements of just that magnitude that are still to be kept */
    weld_rng rng;   /* at random */
} weld_sieve;

typedef struct weld_task_rule {
    /* Fills the sieve, whose job, param and model are set; NULL = all is kept. Called for density < 1. */
    weld_status (*sift)(weld_sieve *sieve, weld_error *err);
    bool consensus, normalise;
} weld_task_rule;

/* Element i of the model's task vector, and their number. */
double weld_sieve_value(const weld_sieve *sieve, int64_t i);
int64_t weld_sieve_count(const weld_sieve *sieve);
/* Keeps each element with the probability `density`, by a generator seeded by the job's seed, parameter
 * and model; factor: what gives the task vector its sum of magnitudes back (1 where one of the sums is
 * below 1e-7). Source: Yu et al. 2023 (DARE, there 1 / density). */
weld_status weld_sift_at_random(weld_sieve *sieve, weld_error *err);
weld_status weld_task_merge(weld_tensor *out, const weld_task_rule *rule, const weld_merge_job *job,
                            int param, weld_error *err);
#endif
