/* What stands where in a file of weights. */
#include "base/mem.h"
#include "base/strbuf.h"
#include "map/weightsfile_own.h"

const char *dnb_weights_input_name(dnb_weights_input input)
{
    static const char *const names[] = {"activations", "responses", "behaviour"};
    return (unsigned)input < sizeof names / sizeof *names ? names[input] : NULL;
}

bool dnb_weights_projects(const dnb_weights_info *info)
{
    return !info->classify || info->classifier != DNB_NAIVE_BAYES || info->n_components > 0;
}

size_t dnb_weights_models(const dnb_weights_info *info)
{
    return info->classify ? info->n_targets : 1;
}

size_t dnb_weights_parts(dnb_weights_part parts[DNB_WEIGHTS_PARTS], const dnb_weights_info *info,
                         size_t layer, size_t target)
{
    const size_t *s = info->layers[layer].shape;
    size_t n = 0, classes = info->classify ? info->classes[target].n : 0, q = info->n_components;
    bool bayes = info->classify && info->classifier == DNB_NAIVE_BAYES;
    size_t maps = !info->classify ? info->n_targets
                  : bayes         ? q
                                  : dnb_classifier_map_count(info->classifier, classes);
    if (dnb_weights_projects(info)) {
        parts[n++] = (dnb_weights_part){bayes ? ".components" : "", maps, {s[0], s[1], s[2]}};
        parts[n++] = (dnb_weights_part){bayes ? ".offset" : ".intercept", maps, {1, 1, 1}};
    }
    for (int moment = 0; bayes && moment < 2; moment++)
        parts[n++] = (dnb_weights_part){
            moment ? ".variance" : ".mean", classes, {q ? q : s[0], q ? 1 : s[1], q ? 1 : s[2]}};
    if (bayes)
        parts[n++] = (dnb_weights_part){".prior", classes, {1, 1, 1}};
    return n;
}

dnb_status dnb_weights_part_name(char **out, const dnb_weights_info *info, size_t layer,
                                 size_t target, const dnb_weights_part *part, dnb_err *err)
{
    dnb_strbuf name = {0};
    dnb_strbuf_add(&name, info->layers[layer].name);
    if (info->classify) {
        dnb_strbuf_add(&name, ".");
        dnb_strbuf_add(&name, info->targets[target]);
    }
    dnb_strbuf_add(&name, part->suffix);
    dnb_status status = dnb_strbuf_take(&name, out, err);
    dnb_strbuf_release(&name);
    return status;
}
