/* One layer in one split: predictions and scores of all columns. */
#include <string.h>

#include "base/mem.h"
#include "base/progress.h"
#include "map/mapping_walk.h"

/* Columns c0 .. c0 + c - 1 of the given rows. */
static void gather(double *dst, const dnb_map_walk *w, const size_t *rows, size_t n, size_t c0,
                   size_t c)
{
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n; i++)
        for (size_t at = 0; at < c;) {
            size_t p = (c0 + at) / w->chunk, t = (c0 + at) % w->chunk;
            size_t run = w->chunk - t < c - at ? w->chunk - t : c - at;
            size_t row = w->table[p * w->plan->n + rows[i]];
            memcpy(dst + i * c + at, w->y + row * w->plan->m + w->first + t, run * sizeof *dst);
            at += run;
        }
}

/* The observed targets' part of a block: scores, penalties, predictions of this fold. */
static void store_observed(const dnb_map_walk *w, size_t l, const dnb_map_split *split, size_t fold,
                           size_t c0, size_t c, const double *score, const double *alpha,
                           const double *yhat)
{
    dnb_mapping_scores *out = &w->out->layer[l];
    size_t m = w->plan->m, count = c0 >= w->chunk ? 0 : w->chunk - c0 < c ? w->chunk - c0 : c;
    size_t at = w->first + c0;
    if (fold >= w->plan->k || count == 0)
        return;
    memcpy(out->score + fold * m + at, score, count * sizeof *score);
    if (out->alpha)
        memcpy(out->alpha + fold * m + at, alpha, count * sizeof *alpha);
    for (size_t i = 0; out->prediction && i < split->n_test; i++)
        memcpy(out->prediction + split->test[i] * m + at, yhat + i * c, count * sizeof *yhat);
}

dnb_status dnb_map_score_targets(dnb_map_walk *w, size_t l, const dnb_map_design *design,
                                 const dnb_map_split *split, const dnb_folds *penalty, double *add,
                                 double *keep, size_t fold, dnb_err *err)
{
    dnb_status status = DNB_OK;
    dnb_map_model model = {0};
    size_t planned = dnb_map_block(w->plan, w->o);
    size_t block = planned < w->columns ? planned : w->columns;
    double *train = NULL, *test = NULL, *yhat = NULL, *alpha = NULL, *score = NULL;
    DNB_TRY(dnb_map_model_init(&model, design, w->o, penalty, w->columns, w->o->memory, err));
    DNB_NEW(train, split->n_train * block, "a block of targets");
    DNB_NEW(test, split->n_test * block, "a block of targets");
    DNB_NEW(yhat, split->n_test * block, "a block of predictions");
    DNB_NEW(alpha, block, "penalties");
    DNB_NEW(score, block, "scores");
    for (size_t c0 = 0; c0 < w->columns; c0 += block) {
        size_t c = w->columns - c0 < block ? w->columns - c0 : block;
        DNB_TRY(dnb_check_cancel(w->o->progress, err));
        gather(train, w, split->train, split->n_train, c0, c);
        gather(test, w, split->test, split->n_test, c0, c);
        DNB_TRY(dnb_map_model_predict(yhat, alpha, &model, train, c, err));
        DNB_TRY(dnb_score_columns(score, w->o->scoring, test, yhat, split->n_test, c, err));
        for (size_t j = 0; j < c; j++) {
            if (add)
                add[c0 + j] += score[j];
            if (keep)
                keep[c0 + j] = score[j];
        }
        store_observed(w, l, split, fold, c0, c, score, alpha, yhat);
    }
done:
    dnb_map_model_release(&model);
    dnb_free(train);
    dnb_free(test);
    dnb_free(yhat);
    dnb_free(alpha);
    dnb_free(score);
    return status;
}

/* Fits and scores the labels as permutation p puts them. */
static dnb_status classify_once(const dnb_map_walk *w, const dnb_map_design *d,
                                const dnb_map_split *split, size_t p, double *score,
                                dnb_mapping_scores *out, size_t fold, dnb_err *err)
{
    dnb_status status = DNB_OK;
    const uint32_t *row = w->table + p * w->plan->n;
    const int64_t *classes = NULL;
    size_t n_classes, all = w->out->n_classes;
    int64_t *train = NULL, *truth = NULL, *said = NULL;
    double *decision = NULL;
    dnb_classifier *c = NULL;
    DNB_NEW(train, split->n_train, "labels");
    DNB_NEW(truth, split->n_test, "labels");
    DNB_NEW(said, split->n_test, "labels");
    for (size_t i = 0; i < split->n_train; i++)
        train[i] = w->labels[row[split->train[i]]];
    for (size_t i = 0; i < split->n_test; i++)
        truth[i] = w->labels[row[split->test[i]]];
    DNB_TRY(dnb_classifier_fit(&c, d->train, d->n_train, d->r, train, &w->o->classifier, err));
    n_classes = dnb_classifier_classes(c, &classes);
    if (w->o->scoring == DNB_SCORE_AUC)
        DNB_NEW(decision, split->n_test * n_classes, "decisions");
    DNB_TRY(dnb_classifier_predict(said, decision, c, d->test, d->n_test, err));
    DNB_TRY(dnb_score_labels(score, w->o->scoring, truth, said, decision, split->n_test, classes,
                             n_classes, err));
    if (!out)
        goto done;
    out->score[fold] = *score;
    for (size_t i = 0; out->said && i < split->n_test; i++)
        out->said[split->test[i]] = said[i];
    DNB_TRY(dnb_confusion(out->confusion + fold * all * all, truth, said, split->n_test,
                          w->out->classes, all, err));
done:
    dnb_free(train);
    dnb_free(truth);
    dnb_free(said);
    dnb_free(decision);
    dnb_classifier_free(c);
    return status;
}

dnb_status dnb_map_score_classes(dnb_map_walk *w, size_t l, const dnb_map_design *design,
                                 const dnb_map_split *split, double *add, double *keep, size_t fold,
                                 dnb_err *err)
{
    dnb_status status = DNB_OK;
    double *score = NULL;
    dnb_err *errors = NULL;
    bool observed = fold < w->plan->k;
    DNB_NEW(score, w->columns, "scores");
    DNB_TRY(
        classify_once(w, design, split, 0, score, observed ? &w->out->layer[l] : NULL, fold, err));
    /* Permutations side by side, each on one thread, in groups so that a wish to stop is heard. */
    enum { GROUP = 64 };
    DNB_NEW(errors, GROUP, "scores");
    for (size_t from = 1; from < w->columns; from += GROUP) {
        size_t to = w->columns - from < GROUP ? w->columns : from + GROUP;
        DNB_TRY(dnb_check_cancel(w->o->progress, err));
#pragma omp parallel for schedule(dynamic)
        for (size_t p = from; p < to; p++)
            errors[p - from].status =
                classify_once(w, design, split, p, score + p, NULL, 0, &errors[p - from]);
        for (size_t i = 0; i < to - from; i++)
            if (errors[i].status != DNB_OK)
                DNB_TRY(dnb_fail(err, errors[i].status, "%s", errors[i].message));
    }
    for (size_t p = 0; p < w->columns; p++) {
        if (add)
            add[p] += score[p];
        if (keep)
            keep[p] = score[p];
    }
done:
    dnb_free(score);
    dnb_free(errors);
    return status;
}
