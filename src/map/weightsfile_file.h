/* An open file of weights. room: map (internal) */
#ifndef DNB_MAP_WEIGHTSFILE_FILE_H
#define DNB_MAP_WEIGHTSFILE_FILE_H

#include "data/h5.h"
#include "map/weightsfile_own.h"

struct dnb_weightsfile {
    dnb_h5_file *h5;
    char *provenance;
    dnb_weights_info info; /* its lists are ours: */
    dnb_weights_layer *layers;
    dnb_weights_classes *classes;
    size_t *target_voxels, *feature_voxels;
    size_t n_features; /* named */
    size_t *set;       /* dataset of part i of (layer, target): [(l * models + t) * PARTS + i] */
};

#endif
