/* All of libdnnbrain. Programs that use a part may include that part's header alone.
 * room: map */
#ifndef DNNBRAIN_DNNBRAIN_H
#define DNNBRAIN_DNNBRAIN_H

#include "dnnbrain/actfile.h"
#include "dnnbrain/array.h"
#include "dnnbrain/brainimage.h"
#include "dnnbrain/colormap.h"
#include "dnnbrain/condensed.h"
#include "dnnbrain/correlation.h"
#include "dnnbrain/distance.h"
#include "dnnbrain/dmask.h"
#include "dnnbrain/drawing.h"
#include "dnnbrain/features.h"
#include "dnnbrain/figure.h"
#include "dnnbrain/image.h"
#include "dnnbrain/layerfeature.h"
#include "dnnbrain/linalg.h"
#include "dnnbrain/net.h"
#include "dnnbrain/nifti.h"
#include "dnnbrain/pca.h"
#include "dnnbrain/provenance.h"
#include "dnnbrain/random.h"
#include "dnnbrain/rdm.h"
#include "dnnbrain/rdmfile.h"
#include "dnnbrain/rdmtest.h"
#include "dnnbrain/roi.h"
#include "dnnbrain/roifile.h"
#include "dnnbrain/rows.h"
#include "dnnbrain/runtime.h"
#include "dnnbrain/save.h"
#include "dnnbrain/scan.h"
#include "dnnbrain/status.h"
#include "dnnbrain/stim.h"
#include "dnnbrain/suggest.h"
#include "dnnbrain/table.h"

#endif
