"""refusals.py GROUP: what the program refuses, and how: a row per mistake a user can make. Each must exit with
the status given, say one line that names the culprit (every pattern of the row is found in it), report the
same in its JSON, and leave nothing behind.

Environment: DNNBRAIN the program, DNB_FIXTURES the files of fixtures.py. Exit 77: those are missing."""
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

from run import SANITIZER

PROGRAM, FIXTURES = os.environ["DNNBRAIN"], os.environ["DNB_FIXTURES"]
FAILED, USAGE = 1, 2

ACT = "dnn_act -net net.onnx -layer conv1 -out out/x.act.h5 "
ALEXNET = "dnn_act -net AlexNet -layer conv5 -stim pictures.stim.csv -out out/x.act.h5 "
SEEN = "dnn_rsa -net net.onnx -layer conv1 -stim pictures.stim.csv -out out/x.rdm.h5 "
PICTURES = "dnn_act -net net.onnx -stim pictures.stim.csv -out out/x.act.h5 "
MASK = "dnn_mask -act layers.act.h5 -out out/x.act.h5 "
FE = "dnn_fe -act layers.act.h5 -out out/x.act.h5 "
DRDM = "dnn_rsa -act layers.act.h5 -out out/x.rdm.h5 "
BRDM = "brain_rsa -nif bold.nii.gz -bmask rois.nii.gz -out out/x.rdm.h5 "
RUN = "dnnbrain run net.onnx -out out "
RSA = "dnnbrain rsa -drdm dnn.rdm.h5 -brdm brain.rdm.h5 -permute 10 -out out/x "
VIEW = "dnn_view -net net.onnx -stim pictures.stim.csv -out out/maps "

ENCODE = "db_encode -anal mv -model glm -act layers.act.h5 -layer fc -resp twelve.roi.h5 -out out/x "
BANDED = ENCODE.replace("glm", "banded")
PROBE = "dnn_probe -anal mv -model lrc -act layers.act.h5 -layer fc -stim behave.stim.csv -beh label -out out/x "
DECODE = "db_decode -anal mv -model glm -act layers.act.h5 -layer fc -resp twelve.roi.h5 -out out/x "
CORR = "db_corr -act layers.act.h5 -layer fc -resp twelve.roi.h5 -out out/x "
GROUP = "dnnbrain group -scores group/s1.tsv group/s2.tsv group/s3.tsv group/s4.tsv group/s5.tsv group/s6.tsv -out out/x "
ARRAYS, MAPS = (GROUP.replace(".tsv", suffix) for suffix in (".npy", ".nii.gz"))
PREDICT = "dnnbrain predict -weights ridge.weights.h5 -act layers.act.h5 -layer fc -out out/x.npy "
CLASSES = "dnnbrain predict -weights lrc.weights.h5 -act layers.act.h5 -out out/x.tsv "
READ = "dnnbrain predict -weights svc.weights.h5 -out out/x.tsv -resp "

GROUPS = {
    "stimuli": [
        (ACT + "-stim nowhere.stim.csv", FAILED, r"nowhere\.stim\.csv: cannot open: No such file"),
        (ACT + "-stim bad/no_type.stim.csv", FAILED, r"no_type\.stim\.csv: no type= line; add type=image"),
        (ACT + "-stim bad/no_data.stim.csv", FAILED, r"no_data\.stim\.csv: no data= line"),
        (ACT + "-stim bad/no_rows.stim.csv", FAILED, r"no_rows\.stim\.csv: no stimuli"),
        (ACT + "-stim bad/few_fields.stim.csv", FAILED, r"few_fields\.stim\.csv:5: 2 fields, expected 3 .*stimID,label,RT"),
        (ACT + "-stim bad/semicolons.stim.csv", FAILED, r"semicolons\.stim\.csv:3: data= has ';' between the columns; save the list with commas"),
        (ACT + "-stim bad/decimal_comma.stim.csv", FAILED, r"decimal_comma\.stim\.csv:4: 4 fields, expected 3 .*decimal commas"),
        (ACT + "-stim bad/quotes.stim.csv", FAILED, r"quotes\.stim\.csv:3: data= has no column stimID.*quotes are not understood"),
        (ACT + "-stim bad/text_label.stim.csv", FAILED, r"text_label\.stim\.csv:4: label 'face' is not a whole number"),
        (ACT + "-stim bad/video.stim.csv", FAILED, r"video\.stim\.csv: type=video"),
        (ACT + "-stim bad/missing.png.stim.csv", FAILED, r"img/missing\.png does not exist \(1 of 2"),
        (ACT + "-stim bad/cut.png.stim.csv", FAILED, r"img/cut\.png: .*(cut|short|truncated|end)"),
        (ACT + "-stim bad/cut.jpg.stim.csv", FAILED, r"img/cut\.jpg: .*(cut|short|truncated|end)"),
        (ACT + "-stim bad/empty.png.stim.csv", FAILED, r"img/empty\.png: .*empty"),
        (ACT + "-stim bad/garbage.jpg.stim.csv", FAILED, r"img/garbage\.jpg: .*(format|not)"),
        (ACT + "-stim layers.act.h5", FAILED, r"layers\.act\.h5"),
        (DRDM + "-cate bad/unlabelled.stim.csv", FAILED, r"unlabelled\.stim\.csv: has no column `label`"),
        (DRDM + "-cate bad/eleven.stim.csv", FAILED, r"eleven\.stim\.csv lists 11 stimuli but layers\.act\.h5 holds 12"),
        (BRDM + "-cate bad/eleven.stim.csv", FAILED, r"eleven\.stim\.csv lists 11 stimuli but bold\.nii\.gz holds 12"),
        (DRDM + "-fig out/x.png -order bad/eleven.stim.csv", FAILED, r"eleven\.stim\.csv lists 11 .* of 12 conditions"),
        (DRDM + "-cate twelve.stim.csv -fig out/x.png -order twelve.stim.csv", FAILED, r"lists 12 .* of 3 conditions"),
    ],
    "networks": [
        (PICTURES + "-layer conv3", FAILED, r"no layer 'conv3'; nearest are 'conv1', 'conv2'"),
        (PICTURES + "-layer ''", FAILED, r"no layer ''"),
        (PICTURES + "-layer conv1 fc conv1", FAILED, r"layer conv1 is named twice"),
        (PICTURES + "-layer conv1 -chn 8 9", FAILED, r"layer conv1: channel 9 is out of range 1\.\.8"),
        (PICTURES + "-dmask units.dmask.csv", FAILED, r"units\.dmask\.csv: .*no layer 'conv'"),
        (PICTURES + "-layer conv1 -dmask units.dmask.csv", FAILED, r"units\.dmask\.csv: no layer 'conv1'"),
        (PICTURES + "-net AlexNett", FAILED, r"unknown network 'AlexNett'.*nearest are 'AlexNet'"),
        (PICTURES + "-net nowhere.onnx", FAILED, r"nowhere\.onnx: cannot open: No such file"),
        (PICTURES + "-net bad/operator.onnx", FAILED, r"operator\.onnx: node 'conv1_relu' needs operator 'Mystery'"),
        (PICTURES + "-net bad/cut.onnx", FAILED, r"cut\.onnx: is truncated or no ONNX model"),
        (PICTURES + "-net bad/garbage.onnx", FAILED, r"garbage\.onnx: is truncated or no ONNX model"),
        (PICTURES + "-net bad/hostile.pth", FAILED, r"hostile\.pth: holds weights only; name the network"),
        (PICTURES + "-size 8 8", FAILED, r"net\.onnx: node 'fc' \(Gemm\): .*1x96 and 5x384"),
        (PICTURES + "-weights net.onnx", FAILED, r"an \.onnx file brings its own weights"),
        (PICTURES + "-weights nowhere.pth", FAILED, r"nowhere\.pth: cannot open: No such file"),
        (PICTURES + "-memory 1000", FAILED, r"a batch of 1 needs \d+.*memory budget is \d+.*; raise --memory"),
        (VIEW + "-layer conv1 -chn 1 -memory 1000", FAILED, r"a batch of 1 needs \d+.*memory budget is \d+"),
        (VIEW + "-layer fc -chn 1", FAILED, r"layer fc has no rows and columns"),
        (VIEW + "-layer conv1 -chn 9", FAILED, r"layer conv1: channel 9 is out of range 1\.\.8"),
        (VIEW + "-layer conv1 -chn 1 -vmin 1e6", FAILED, r"layer conv1: values range from .* above -vmin 1e\+06"),
        (ALEXNET, FAILED, r"AlexNet: .*\$DNNBRAIN_DATA/models/alexnet\.pth, but DNNBRAIN_DATA is not set"),
        (ALEXNET + "-weights bad/missing.pth", FAILED, r"missing\.pth: tensor features\.3\.weight is missing"),
        (ALEXNET + "-weights bad/shape.pth", FAILED, r"shape\.pth: tensor features\.0\.weight has shape 64x3x7x7.* 64x3x11x11"),
        (ALEXNET + "-weights bad/hostile.pth", FAILED, r"hostile\.pth: .*posix\.system; refused, nothing was run"),
        (ALEXNET + "-weights bad/hostile_legacy.pth", FAILED, r"hostile_legacy\.pth: .*posix\.system; refused, nothing was run"),
        (ALEXNET + "-weights bad/cut.pth", FAILED, r"cut\.pth: broken or truncated zip archive"),
        (ALEXNET + "-weights bad/text.pth", FAILED, r"text\.pth: is no file of torch\.save"),
        (RUN, USAGE, r"input 'image' of net\.onnx is not given; use -in image=FILE\.npy"),
        (RUN + "-in x=batch.npy", USAGE, r"net\.onnx has no input 'x'; its first is 'image'"),
        (RUN + "-in batch.npy batch.npy", USAGE, r"input 'image' is given twice"),
        (RUN + "-in nowhere.npy", FAILED, r"nowhere\.npy: cannot open: No such file"),
        (RUN + "-in img/p01.png", FAILED, r"img/p01\.png: "),
        (RUN + "-in flat.npy", FAILED, r"input 'image' takes .*3x16x16.*, not 2x48"),
        (RUN + "-in batch.npy -layer conv9", FAILED, r"no value 'conv9'; nearest are 'conv1', 'conv2'"),
        (RUN + "-in batch.npy -layer conv1 conv1", USAGE, r"'conv1' and 'conv1' would be written to one file"),
        (RUN + "-in batch.npy -wrt image", USAGE, r"-wrt and -guided go with -grad"),
        (RUN + "-in batch.npy -grad conv9", FAILED, r"no value 'conv9'; nearest are 'conv1', 'conv2'"),
        (RUN + "-in batch.npy -grad conv1:9", FAILED, r"'conv1' has 8 channels, 16 rows and 16 columns; there is no channel number 9"),
        (RUN + "-in batch.npy -grad conv1:1,2,3,4", USAGE, r"-grad conv1:1,2,3,4: give VALUE"),
        (RUN + "-in batch.npy -grad fc -wrt nowhere", FAILED, r"no value 'nowhere'"),
        ("dnnbrain run bad/operator.onnx -in batch.npy -out out", FAILED, r"unsupported: .*operator 'Mystery'"),
        ("dnnbrain run bad/cut.onnx -in batch.npy -out out", FAILED, r"cut\.onnx: is truncated or no ONNX model"),
        ("db_info nowhere", FAILED, r"unknown network 'nowhere'"),
        ("db_info bad/hostile.pth", FAILED, r"hostile\.pth: holds weights only"),
    ],
    "files": [
        ("brain_roi -nif bad/cut.nii -mask rois.nii.gz -out out/x.roi.h5", FAILED, r"cut\.nii: .*expected 6112 bytes.*has 2000"),
        ("brain_roi -nif bad/huge.nii -mask rois.nii.gz -out out/x.roi.h5", FAILED, r"huge\.nii: .*header lies.*has 6112"),
        ("brain_roi -nif bad/negative.nii -mask rois.nii.gz -out out/x.roi.h5", FAILED, r"negative\.nii: dim\[2\] is -5"),
        ("brain_roi -nif bad/cut.nii.gz -mask rois.nii.gz -out out/x.roi.h5", FAILED, r"cut\.nii\.gz: cut short"),
        ("brain_roi -nif bad/garbage.nii.gz -mask rois.nii.gz -out out/x.roi.h5", FAILED, r"garbage\.nii\.gz: not a NIfTI file"),
        ("brain_roi -nif img/p01.png -mask rois.nii.gz -out out/x.roi.h5", FAILED, r"img/p01\.png: "),
        ("brain_roi -nif bold.nii.gz -mask bad/other_shape.nii.gz -out out/x.roi.h5", FAILED,
         r"bad/other_shape\.nii\.gz is 6x5x3 .*bold\.nii\.gz is 6x5x4"),
        (BRDM + "-bmask bad/other_shape.nii.gz", FAILED, r"bad/other_shape\.nii\.gz is 6x5x3 .*bold\.nii\.gz is 6x5x4"),
        (BRDM + "-bmask bad/empty_mask.nii.gz", FAILED, r"empty_mask\.nii\.gz: the mask is 0 everywhere"),
        (BRDM + "-bmask bad/fraction_mask.nii.gz", FAILED, r"fraction_mask\.nii\.gz: voxel \(0, 0, 0\) of the mask is 0\.5"),
        (BRDM + "-bmask bold.nii.gz", FAILED, r"bold\.nii\.gz: has 12 volumes; a mask has one"),
        (BRDM + "-roi 1 7", FAILED, r"rois\.nii\.gz: no voxel has the label 7; its labels are 1 2 5"),
        (BRDM + "-memory 100", FAILED, r"bold\.nii\.gz: ROI 1: 12 volumes of 40 voxels .*100 bytes"),
        ("brain_rsa -nif rois.nii.gz -bmask rois.nii.gz -out out/x.rdm.h5", FAILED, r"rois\.nii\.gz: .*at least 2 conditions"),
        (MASK + "-act nowhere.act.h5", FAILED, r"nowhere\.act\.h5: cannot open: No such file"),
        (MASK + "-act img", FAILED, r"img: is a folder, expected a file"),
        (MASK + "-act bad/text.act.h5", FAILED, r"text\.act\.h5: not an HDF5 file"),
        (MASK + "-act bad/cut.act.h5", FAILED, r"cut\.act\.h5: broken HDF5 file: truncated"),
        (MASK + "-act bad/empty.act.h5", FAILED, r"empty\.act\.h5: not an HDF5 file"),
        (MASK + "-act bad/nothing.act.h5", FAILED, r"nothing\.act\.h5: holds no layer"),
        (MASK + "-act bad/text_layer.act.h5", FAILED, r"text_layer\.act\.h5: dataset 'a' holds text"),
        (MASK + "-act bad/uneven.act.h5", FAILED, r"layer a holds 12 stimuli and layer b 9"),
        (DRDM + "-act bad/uneven.act.h5", FAILED, r"layer a holds 12 stimuli and layer b 9"),
        (FE + "-act bad/uneven.act.h5 -meth hist 2", FAILED, r"layer a holds 12 stimuli and layer b 9"),
        (MASK + "-layer conv -memory 500", FAILED, r"layers\.act\.h5: one stimulus takes \d.* memory budget is \d"),
        (MASK + "-layer cnv", FAILED, r"layers\.act\.h5: no layer 'cnv'; there is 'conv', 'fc'"),
        (MASK + "-layer conv -chn 5", FAILED, r"layers\.act\.h5: layer conv: channel 5 is out of range 1\.\.4"),
        (MASK + "-dmask bad/zero.dmask.csv", FAILED, r"zero\.dmask\.csv:2: layer conv: '0' is no chn number"),
        (MASK + "-dmask bad/beyond.dmask.csv", FAILED, r"beyond\.dmask\.csv: layer conv: row 4 is out of range 1\.\.3"),
        (MASK + "-dmask bad/beyond.dmask.csv -chn 5", FAILED, r"layers\.act\.h5: layer conv: channel 5 is out of range 1\.\.4"),
        (MASK + "-dmask bad/other_layer.dmask.csv", FAILED, r"other_layer\.dmask\.csv: .*no layer 'conv7'"),
        (MASK + "-dmask units.dmask.csv -layer conv7", FAILED, r"layers\.act\.h5: no layer 'conv7'"),
        (MASK + "-dmask bad/axis.dmask.csv", FAILED, r"axis\.dmask\.csv:1: axis 'depth' is unknown; the axes are chn, row, col"),
        (MASK + "-dmask bad/no_numbers.dmask.csv", FAILED, r"no_numbers\.dmask\.csv:1: layer conv: expected a line"),
        (DRDM + "-act bad/one.act.h5", FAILED, r"one\.act\.h5: layer a: .*at least 2 conditions"),
        (DRDM + "-layer conv -metric mahalanobis", FAILED, r"layers\.act\.h5: layer conv: mahalanobis needs more rows"),
        (DRDM + "-memory 100", FAILED, r"layers\.act\.h5: layer conv: .*12 rows take [\d.]+.* more than"),
        (DRDM + "-iteraxis channel -memory 100", FAILED, r"layers\.act\.h5: layer conv: its patterns need \d.* allows \d"),
        (FE + "-layer conv -meth pca 3 -memory 100", FAILED, r"layers\.act\.h5: layer conv: .*12 rows hold [\d.]+.* more than"),
        (FE + "-layer conv -meth pca 13", FAILED, r"layer conv: 13 features asked for, .* at most 12"),
        (FE + "-layer fc -meth psd 7", FAILED, r"layer fc: 7 features asked for, .* at most 6"),
        (FE + "-layer conv -axis chn -meth pca 5", FAILED, r"layer conv: 5 features asked for, .* at most 4"),
        (FE + "-act bad/nan.act.h5 -meth pca 1", FAILED, r"nan\.act\.h5: layer a: .*NaN"),
        (FE + "-act bad/nan.act.h5 -meth hist 2", FAILED, r"nan\.act\.h5: layer a: .*NaN"),
        (FE + "-act bad/one.act.h5 -meth pca 1", FAILED, r"one\.act\.h5: layer a: .*at least 2"),
        (RSA + "-drdm bad/pairs.rdm.h5", FAILED, r"pairs\.rdm\.h5: 'conv' has 27 pairs"),
        (RSA + "-brdm bad/seven.rdm.h5", FAILED, r"dnn\.rdm\.h5 is over 8 conditions but bad/seven\.rdm\.h5 over 7"),
        (RSA + "-drdm bad/uneven.rdm.h5", FAILED, r"uneven\.rdm\.h5: 'a' has 28 pairs and 'b' 21"),
        (RSA + "-drdm bad/nan.rdm.h5", FAILED, r"nan\.rdm\.h5: 'conv': .*conditions 1 and 7 is -?nan"),
        (RSA + "-drdm bad/no_type.rdm.h5", FAILED, r"no_type\.rdm\.h5: root attribute 'type' is missing"),
        (RSA + "-drdm bad/text.act.h5", FAILED, r"text\.act\.h5: not an HDF5 file"),
        (RSA + "-permute 100000000 -memory 1G", FAILED, r"100000000 permutations of 2 layers 2400\.0 MB.* budget is 1073\.7 MB; raise --memory"),
        (FE + "-layer conv -meth hist 10000000 -memory 100M", FAILED, r"layer conv: its features take 480\.0 MB.* budget is 104\.9 MB"),
        (RSA + "-layer cnv", FAILED, r"dnn\.rdm\.h5: no RDM 'cnv'; there is 'conv', 'fc'"),
        (RSA + "-roi 9", FAILED, r"brain\.rdm\.h5: no RDM '9'; there is '1', '2', '5'"),
        ("db_info nowhere.act.h5", FAILED, r"nowhere\.act\.h5: cannot open: No such file"),
        ("db_info bad/text.act.h5", FAILED, r"text\.act\.h5: not an HDF5 file"),
        ("db_info img/p01.png", FAILED, r"img/p01\.png: its name ends in none of \.stim\.csv"),
        # Where the output should go.
        (MASK + "-out nowhere/x.act.h5", FAILED, r"nowhere/x\.act\.h5: folder nowhere does not exist; create it first"),
        (MASK + "-out net.onnx/x.act.h5", FAILED, r"net\.onnx/x\.act\.h5: (net\.onnx is not a folder|folder net\.onnx)"),
        (MASK + "-out out", FAILED, r"out: is a folder, expected a file name"),
        (MASK + "-out out/", FAILED, r"out/: names a folder, expected a file name"),
        (PICTURES + "-layer conv1 -out nowhere/x.act.h5", FAILED, r"folder nowhere does not exist; create it first"),
        (DRDM + "-out nowhere/x.rdm.h5", FAILED, r"folder nowhere does not exist; create it first"),
        (DRDM + "-fig nowhere/x.png", FAILED, r"nowhere/x\.png: folder nowhere does not exist; create it first"),
        (RSA + "-out nowhere/x", FAILED, r"folder nowhere does not exist; create it first"),
        (RSA + "-out out/", FAILED, r"out/: names a folder, expected a file name"),
        (VIEW + "-layer conv1 -chn 1 -out nowhere/maps", FAILED, r"folder nowhere does not exist; create it first"),
        (VIEW + "-layer conv1 -chn 1 -out net.onnx", FAILED, r"net\.onnx: is a file, expected a folder"),
    ],
    "mapping": [
        (ENCODE + "-resp bad/eleven.roi.h5", FAILED, r"layers\.act\.h5 holds 12 stimuli but bad/eleven\.roi\.h5 holds 11"),
        (CORR + "-resp bad/eleven.roi.h5", FAILED, r"layers\.act\.h5 holds 12 stimuli but bad/eleven\.roi\.h5 holds 11"),
        (DECODE + "-resp bad/eleven.roi.h5", FAILED, r"layers\.act\.h5 holds 12 stimuli but bad/eleven\.roi\.h5 holds 11"),
        (PROBE + "-stim bad/eleven.stim.csv", FAILED, r"layers\.act\.h5 holds 12 stimuli but bad/eleven\.stim\.csv holds 11"),
        (ENCODE + "-stim bad/eleven.stim.csv", FAILED, r"eleven\.stim\.csv lists 11 stimuli but layers\.act\.h5 holds 12"),
        (ENCODE + "-resp bad/nan.roi.h5", FAILED, r"bad/nan\.roi\.h5: ROI V2 is nan in row 3; leave it out"),
        (DECODE + "-resp bad/nan.roi.h5", FAILED, r"bad/nan\.roi\.h5: ROI V2 is nan in row 3; leave it out"),
        (ENCODE + "-resp bad/nan.nii.gz", FAILED, r"nan\.nii\.gz: voxel \(1,2,3\) is nan in volume 5; leave it out of -bmask"),
        (ENCODE + "-act bad/nan.act.h5 -layer a -resp flat.npy", FAILED, r"nan\.act\.h5 holds 6 stimuli but flat\.npy holds 2"),
        (ENCODE + "-act bad/nan.act.h5 -layer a -resp bad/six.npy", FAILED, r"nan\.act\.h5: .*layer a: .*(NaN|nan)"),
        (ENCODE + "-anal uv -act bad/nan.act.h5 -layer a -resp bad/six.npy", FAILED, r"nan\.act\.h5: .*layer a: .*(NaN|nan)"),
        (CORR + "-act bad/nan.act.h5 -layer a -resp bad/six.npy", FAILED, r"nan\.act\.h5: .*layer a: .*(NaN|nan)"),
        (DECODE + "-act bad/nan.act.h5 -layer a -resp bad/six.npy", FAILED, r"nan\.act\.h5: .*layer a: .*(NaN|nan)"),
        (ENCODE + "-resp bad/flat.roi.h5", FAILED, r"bad/flat\.roi\.h5: none of the targets varies"),
        (ENCODE + "-resp bad/cube.npy", FAILED, r"cube\.npy: is 12x2x2; responses are stimuli x targets"),
        (ENCODE + "-resp bad/semicolons.csv", FAILED, r"semicolons\.csv:2: 3 fields, expected 1 .*';' between its columns"),
        (ENCODE + "-resp bad/hash_na.csv", FAILED, r"hash_na\.csv: column 'V2' is '#N/A' in row 4; responses are numbers"),
        (ENCODE + "-resp bad/words.csv", FAILED, r"words\.csv: no column of numbers \(1 of text, the first is 'V1'\)"),
        (ENCODE + "-resp nowhere.roi.h5", FAILED, r"nowhere\.roi\.h5: cannot open: No such file"),
        (ENCODE + "-resp bad/text.act.h5", FAILED, r"text\.act\.h5: not an HDF5 file"),
        (ENCODE + "-resp net.onnx", USAGE, r"-resp net\.onnx: responses are a \.roi\.h5, an image"),
        (ENCODE + "-roi V1 V3", FAILED, r"twelve\.roi\.h5: no ROI 'V3'; there is 'V1', 'V2', 'IT'"),
        (ENCODE + "-bmask rois.nii.gz", USAGE, r"-bmask belongs to a -resp that is a brain image"),
        (ENCODE + "-resp bold.nii.gz -roi 1", USAGE, r"-roi of an image needs -bmask"),
        (ENCODE + "-resp bold.nii.gz -bmask rois.nii.gz -roi 7", FAILED, r"rois\.nii\.gz: no voxel has the label 7; its labels are 1 2 5"),
        (ENCODE + "-resp bold.nii.gz -bmask rois.nii.gz -roi V1", FAILED, r"-roi V1: ROIs of rois\.nii\.gz are whole numbers"),
        (ENCODE + "-resp bold.nii.gz -bmask bad/other_shape.nii.gz", FAILED, r"other_shape\.nii\.gz is 6x5x3"),
        (ENCODE + "-resp bold.nii.gz -memory 1000", FAILED, r"bold\.nii\.gz: 12 responses of 120 targets take .* MB and the memory budget"),
        (ENCODE + "-cv 13", FAILED, r"13 folds.* 12 "),
        (ENCODE + "-cv 1", USAGE, r"-cv: 1 is outside 2\.\."),
        (ENCODE + "-folds loo", FAILED, r"fold 1 tests 1 stimulus, and explained_variance needs 2; take fewer folds or neg_mse"),
        (ENCODE + "-folds stratified", USAGE, r"-folds stratified is for classifiers"),
        (ENCODE + "-folds groups", USAGE, r"-folds groups needs -groups FILE:COLUMN"),
        (ENCODE + "-groups behave.stim.csv", FAILED, r"-groups behave\.stim\.csv: give FILE:COLUMN"),
        (ENCODE + "-groups behave.stim.csv:runn", FAILED, r"behave\.stim\.csv: no column 'runn'; nearest are 'run'"),
        (ENCODE + "-groups bad/behave.stim.csv:half", FAILED, r"column 'half' is 0\.5 in row 1; classes are whole numbers or texts"),
        (ENCODE + "-groups behave.stim.csv:run -cv 5", FAILED, r"5 folds.* 4 groups"),
        (ENCODE + "-stim repeats.stim.csv -cv 4", FAILED, r"stimulus 'a0\.png' is tested in fold 1 .*fold 3.*--groups"),
        (ENCODE + "-stim repeats.stim.csv -groups repeats.stim.csv:image -permute 9", FAILED, r"repeats\.stim\.csv|layers\.act\.h5: stimuli are repeated.*average the repeats"),
        (ENCODE + "-scoring accuracy", USAGE, r"-scoring accuracy scores labels, but -model glm predicts numbers"),
        (ENCODE + "-scoring r3", USAGE, r"-scoring: .*'r3'.* r2"),
        (ENCODE + "-model svc", USAGE, r"-model: 'svc' is not one of glm\|ridge\|lasso"),
        (ENCODE + "-alpha 3", USAGE, r"-alpha belongs to ridge, lasso and elasticnet, not to glm"),
        (ENCODE + "-model ridge -alpha 0", USAGE, r"-alpha 0: penalties are above 0"),
        (ENCODE + "-model ridge -alpha 1 -alpha-choice loo", USAGE, r"-alpha-choice and -shared-alpha need several -alpha"),
        (ENCODE + "-model lasso -alpha 1 2 -alpha-choice gcv", USAGE, r"-alpha-choice gcv is for ridge; lasso takes cv"),
        (ENCODE + "-l1-ratio 0.3", USAGE, r"-l1-ratio belongs to elasticnet"),
        (ENCODE + "-components 3", USAGE, r"-components belongs to pls"),
        (ENCODE + "-anal uv -pca 3", USAGE, r"-pca belongs to -anal mv"),
        (ENCODE + "-anal uv -model pls", USAGE, r"-model pls is multivariate: use -anal mv"),
        (ENCODE + "-pca 9", FAILED, r"9 principal components, but layer fc has 10 features and the smallest training set 8"),
        (ENCODE + "-best-layer", USAGE, r"-best-layer needs several layers"),
        (ENCODE + "-best-layer -iteraxis channel", USAGE, r"-best-layer belongs to -anal mv without -iteraxis"),
        (ENCODE + "-iteraxis chn", USAGE, r"-iteraxis: 'chn' is not one of channel\|row_col"),
        (ENCODE + "-layer cnv", FAILED, r"layers\.act\.h5: no layer 'cnv'; there is 'conv', 'fc'"),
        (ENCODE + "-fig out/x.bmp", USAGE, r"-fig out/x\.bmp: a figure's name ends in"),
        (ENCODE + "-beh RT", USAGE, r"give either -beh or activations"),
        (ENCODE + "-net net.onnx", USAGE, r"give either -act or -net with -stim, not both"),
        (ENCODE + "-anal uv -save-weights out/w.h5", USAGE, r"-save-weights belongs to -anal mv, without -iteraxis"),
        (PROBE + "-iteraxis channel -save-weights out/w.h5", USAGE, r"-save-weights belongs to -anal mv, without -iteraxis"),
        (DECODE + "-save-weights out/w.h5", USAGE, r"-save-weights of decode is for columns of -stim: give -beh"),
        (ENCODE + "-ceiling bad/cube.npy", FAILED, r"cube\.npy: is 12x2x2"),
        (ENCODE + "-ceiling flat.npy", FAILED, r"flat\.npy holds 2 x 48 ceilings but twelve\.roi\.h5 3 targets"),
        ("db_encode -anal mv -model glm -resp twelve.roi.h5 -out out/x", USAGE, r"give either -act or -net with -stim"),
        ("db_encode -anal mv -model glm -resp twelve.roi.h5 -beh RT -out out/x", USAGE, r"-beh needs -stim"),
        ("db_encode -anal mv -model glm -stim bad/eleven.stim.csv -resp twelve.roi.h5 -beh label -out out/x", FAILED,
         r"eleven\.stim\.csv lists 11 stimuli but twelve\.roi\.h5 holds 12"),
        (PROBE + "-beh lable", FAILED, r"behave\.stim\.csv: no column 'lable'; nearest are 'label'"),
        (PROBE + "-beh RT", FAILED, r"behave\.stim\.csv: column 'RT' is 0\.\d+ in row 1; classes are whole numbers or texts"),
        (PROBE + "-model glm -beh condition", FAILED, r"column 'condition' is text; this model needs numbers"),
        (PROBE + "-model glm -stim bad/behave.stim.csv -beh RT", FAILED, r"column 'RT' is nan in row 1; leave such stimuli out"),
        (PROBE + "-stim bad/behave.stim.csv", FAILED, r"behave\.stim\.csv: column 'label': .*all labels are 4; two classes"),
        (PROBE + "-stim bad/behave.stim.csv -beh rare -folds contiguous", FAILED, r"behave\.stim\.csv: column 'rare': .*layer fc, fold 1: all 8 rows .*single class 2; a classifier needs two"),
        (PROBE.replace("mv", "uv") + "-stim bad/behave.stim.csv -beh rare -folds contiguous", FAILED, r"column 'rare': .*layer fc: unit 0: fold 1: all 8 rows .*single class 2"),
        (PROBE + "-scoring auc -bootstrap 9", USAGE, r"-bootstrap of a classifier is for -scoring accuracy"),
        (PROBE + "-cv 7", FAILED, r"behave\.stim\.csv: column 'label': 7 stratified folds, .* 6 members"),
        (PROBE + "-scoring r2", USAGE, r"-scoring r2 scores numbers, but -model lrc predicts labels"),
        (PROBE + "-model corr", USAGE, r"-model corr is univariate: use -anal uv"),
        (PROBE + "-anal uv -model corr -beh RT -scoring r2", USAGE, r"-scoring does not belong to -model corr"),
        (CORR + "-groups behave.stim.csv:rnu -permute 9", FAILED, r"behave\.stim\.csv: no column 'rnu'; nearest are 'run'"),
        (CORR + "-groups behave.stim.csv -permute 9", FAILED, r"-groups behave\.stim\.csv: give FILE:COLUMN"),
        (PROBE + "-model gnb -c 3", USAGE, r"-c belongs to svc and lrc"),
        (DECODE.replace("glm", "svc"), USAGE, r"-model svc predicts classes: give -beh"),
        (DECODE + "-c 1", USAGE, r"-c belongs to svc and lrc"),
        (ENCODE + "-partition", USAGE, r"-iterations and -partition belong to banded"),
        (BANDED + "-anal uv", USAGE, r"-model banded is multivariate"),
        (BANDED + "-permute 30", USAGE, r"-permute does not belong to -model banded"),
        (BANDED + "-iteraxis channel", USAGE, r"-iteraxis does not belong to -model banded"),
        (BANDED + "-folds loo", FAILED, r"fold 1 tests 1 stimulus.*take fewer folds"),
        (ENCODE + "-max-stat", USAGE, r"-max-stat needs -permute N"),
        (ENCODE + "-fdr .05", USAGE, r"-fdr needs -permute N"),
        (ENCODE + "-fdr .05 -max-stat -permute 30", USAGE, r"either -max-stat or -fdr, not both"),
        (ENCODE + "-max-stat -permute 19", USAGE, r"smallest p-value of 19 permutations is 0\.05.*give -permute 20 or more"),
        (ENCODE + "-fdr 0 -permute 30", USAGE, r"-fdr: 0 is outside"),
        ("db_corr -act layers.act.h5 -layer fc -resp twelve.roi.h5 -out out/x -fdr .01 -permute 99", USAGE, r"give -permute 100 or more"),
        (PROBE + "-anal uv -permute 9", USAGE, r"-permute with -anal uv is for glm, lasso and corr"),
        ("dnn_probe -anal mv -model lrc -act layers.act.h5 -beh label -out out/x", USAGE, r"-stim is required"),
        (DECODE + "-iteraxis channel", USAGE, r"unknown option -iteraxis"),
        (DECODE + "-model corr", USAGE, r"-model: .corr. is not one of glm\|ridge\|lasso"),
        ("db_decode -anal mv -model svc -stim bad/eleven.stim.csv -beh label -resp twelve.roi.h5 -out out/x", FAILED, r"eleven\.stim\.csv lists 11 stimuli but twelve\.roi\.h5 holds 12"),
        (CORR + "-anal uv", USAGE, r"unknown option -anal"),
        (CORR + "-out nowhere/x", FAILED, r"nowhere/x: folder nowhere does not exist; create it first"),
        (GROUP + "-scores group/s1.tsv", USAGE, r"-scores takes at least 2 values, got 1"),
        (GROUP + "-scores group/s1.tsv group/s1.tsv", USAGE, r"group/s1\.tsv is named twice"),
        (GROUP + "-scores group/s1.tsv nowhere.tsv", FAILED, r"nowhere\.tsv: cannot open: No such file"),
        (GROUP + "-scores group/s1.tsv group/s2.npy", USAGE, r"group/s1\.tsv and group/s2\.npy are not of one kind"),
        (GROUP + "-scores layers.act.h5 twelve.roi.h5", USAGE, r"-scores layers\.act\.h5: scores are a table"),
        (GROUP + "-scores group img", FAILED, r"group/summary\.tsv: cannot open: No such file"),
        (GROUP + "-scores group/s1.tsv bad/lacks.tsv", FAILED, r"bad/lacks\.tsv: has no row of layer conv, target IT, but group/s1\.tsv has; -common"),
        (GROUP + "-scores bad/lacks.tsv group/s1.tsv", FAILED, r"bad/lacks\.tsv: has no row of layer conv, target IT, but group/s1\.tsv has"),
        (GROUP + "-scores group/s1.tsv bad/twice.tsv", FAILED, r"bad/twice\.tsv: layer fc, target V1 stands in two rows"),
        (GROUP + "-scores group/s1.tsv bad/words.tsv", FAILED, r"bad/words\.tsv: .*score"),
        (GROUP + "-scores group/s1.tsv bad/infinite.tsv", FAILED, r"bad/infinite\.tsv: .*(inf|score)"),
        (GROUP + "-scores group/s1.tsv bad/above_one.tsv -fisher-z", FAILED, r"bad/above_one\.tsv: layer conv, target V1 is 1\.2, which has no atanh"),
        (GROUP + "-scores twelve.stim.csv behave.stim.csv", FAILED, r"twelve\.stim\.csv: no column 'layer'"),
        (GROUP + "-column scor", FAILED, r"group/s1\.tsv: .*'scor'.*'score'"),
        (GROUP + "-layer conv9", FAILED, r"group/s1\.tsv: no layer 'conv9'; there is 'conv', 'fc'"),
        (GROUP + "-layer conv conv", FAILED, r"layer conv is named twice"),
        (GROUP + "-mask rois.nii.gz", USAGE, r"-mask belongs to scores that are brain images"),
        (GROUP + "-fisher-z -chance 1", USAGE, r"-fisher-z: -chance 1 is no correlation"),
        (GROUP + "-contrast conv", USAGE, r"-contrast takes 2 values, got 1"),
        (GROUP + "-contrast conv fc -layer conv", USAGE, r"-contrast names its two layers"),
        (GROUP + "-contrast conv fc -chance .5", USAGE, r"-chance does not belong to -contrast"),
        (GROUP + "-max-stat -fdr .05", USAGE, r"either -max-stat or -fdr, not both"),
        (GROUP + "-fdr .05 -permute 0", USAGE, r"-fdr needs -permute N"),
        (GROUP + "-fdr .01", USAGE, r"-fdr: the smallest p-value of 6 subjects and 10000 sign patterns is 0\.0156"),
        (GROUP + "-scores group/s1.tsv group/s2.tsv group/s3.tsv group/s4.tsv -max-stat", USAGE, r"smallest p-value of 4 subjects .* is 0\.0625"),
        (GROUP + "-bootstrap 1", USAGE, r"-bootstrap takes 0 or at least 2 draws"),
        (GROUP + "-fig out/x.bmp", USAGE, r"-fig out/x\.bmp: a figure's name ends in"),
        (GROUP + "-show", USAGE, r"-show needs -fig"),
        (ARRAYS + "-scores group/s1.npy bad/three.npy", FAILED, r"bad/three\.npy: holds 2 layers x 3 targets x 1 folds, but group/s1\.npy 2 x 4 x 1"),
        (ARRAYS + "-scores batch.npy group/s1.npy", FAILED, r"batch\.npy: is 2x3x16x16; scores are"),
        (ARRAYS + "-layer 3", FAILED, r"group/s1\.npy: no layer '3'"),
        (ARRAYS + "-common", USAGE, r"-common belongs to scores that are tables"),
        (MAPS + "-column r", USAGE, r"-column belongs to scores that are tables"),
        (MAPS + "-mask bad/other_shape.nii.gz", FAILED, r"other_shape\.nii\.gz.*6x5x3"),
        (MAPS + "-scores group/s1.nii.gz bad/one_map.nii.gz", FAILED, r"one_map\.nii\.gz: holds 1 maps, expected 2 as group/s1\.nii\.gz"),
        (MAPS + "-scores group/s1.nii.gz bad/elsewhere.nii.gz", FAILED, r"elsewhere\.nii\.gz: its voxels lie elsewhere than those of group/s1"),
        (MAPS + "-scores group/s1.nii.gz bad/other_shape.nii.gz", FAILED, r"other_shape\.nii\.gz"),
        (MAPS + "-memory 10000", FAILED, r"scores of 6 subjects and 192 targets take .* raise --memory"),
        (PREDICT + "-weights layers.act.h5", FAILED, r"layers\.act\.h5: is not a file of weights .*-save-weights"),
        (PREDICT + "-weights dnn.rdm.h5", FAILED, r"dnn\.rdm\.h5: is not a file of weights"),
        (PREDICT + "-weights bad/text.act.h5", FAILED, r"text\.act\.h5: "),
        (PREDICT + "-weights bad/model.weights.h5", FAILED, r"model\.weights\.h5: root attribute 'model' is 'forest', no known model"),
        (PREDICT + "-weights bad/intercept.weights.h5", FAILED, r"intercept\.weights\.h5: no dataset 'fc\.intercept'"),
        (CLASSES + "-weights bad/classes.weights.h5", FAILED, r"classes\.weights\.h5: no root attribute 'classes\.label', the target's classes"),
        (CLASSES + "-weights bad/shape.weights.h5", FAILED, r"shape\.weights\.h5: dataset 'fc\.condition' is 3 x 10 x 1 x 1; .* must be 1 x 10 x 1 x 1"),
        (CLASSES + "-weights bad/variance.weights.h5", FAILED, r"variance\.weights\.h5: 'label': a classifier's variances: number \d+ is -"),
        (READ + "twelve.roi.h5 -weights bad/feature_names.weights.h5", FAILED, r"'features' names 2 of 3 features"),
        (PREDICT + "-out out/x.txt", USAGE, r"-out out/x\.txt: predictions are a table .*\.npy, a \.roi\.h5 or an image"),
        (PREDICT + "-out out/x.nii.gz", USAGE, r"-like is needed for its geometry"),
        (PREDICT + "-out out/x.nii.gz -like bold.nii.gz", FAILED, r"ridge\.weights\.h5: its targets are no voxels"),
        (PREDICT + "-like bold.nii.gz", USAGE, r"-like belongs to an -out that is an image"),
        (PREDICT + "-layer conv", FAILED, r"ridge\.weights\.h5: has no weights of layer 'conv'; there is 'fc'"),
        (PREDICT + "-layer conv fc", FAILED, r"layers\.act\.h5 holds 2 layers; name the one"),
        (PREDICT + "-chn 1 2", FAILED, r"weights of layer fc are for 10x1x1 units but 2x1x1 are selected"),
        (PREDICT + "-beh RTT", FAILED, r"ridge\.weights\.h5: has no weights of target 'RTT'; .*'RT'"),
        (PREDICT + "-values none", FAILED, r"ridge\.weights\.h5 holds a regression; -values is for classifiers"),
        (PREDICT + "-resp twelve.roi.h5", USAGE, r"give either -act or -resp, not both"),
        (PREDICT + "-bmask rois.nii.gz", USAGE, r"-bmask and -roi belong to -resp"),
        (PREDICT + "-stim bad/eleven.stim.csv", FAILED, r"eleven\.stim\.csv lists 11 stimuli but layers\.act\.h5 holds 12"),
        ("dnnbrain predict -weights ridge.weights.h5 -out out/x.npy", USAGE, r"give -act \(weights of probe and encode\), -resp"),
        ("dnnbrain predict -weights ridge.weights.h5 -resp twelve.roi.h5 -out out/x.npy", FAILED,
         r"ridge\.weights\.h5 was fitted to activations .*: give -act, not -resp"),
        ("dnnbrain predict -weights ridge.weights.h5 -stim behave.stim.csv -out out/x.npy", FAILED,
         r"was fitted to activations .*: give -act, not -stim alone"),
        ("dnnbrain predict -weights svc.weights.h5 -act layers.act.h5 -out out/x.tsv", FAILED,
         r"svc\.weights\.h5 was fitted to brain responses \(decode\): give -resp, not -act"),
        ("dnnbrain predict -weights columns.weights.h5 -stim twelve.stim.csv -out out/x.tsv", FAILED, r"twelve\.stim\.csv: no column 'RT'"),
        ("dnnbrain predict -weights columns.weights.h5 -stim bad/behave.stim.csv -out out/x.tsv", FAILED, r"column 'RT' is nan in row 1"),
        (CLASSES + "-out out/x.npy", FAILED, r"lrc\.weights\.h5 holds a classifier, .*end -out in \.tsv or \.csv"),
        (CLASSES + "-confusion out/c.tsv", USAGE, r"-confusion needs -stim"),
        (CLASSES + "-stim behave.stim.csv -confusion out/c.png", USAGE, r"-confusion out/c\.png: a table's name ends in"),
        (CLASSES + "-stim behave.stim.csv -confusion out/c.tsv", FAILED, r"lrc\.weights\.h5 holds 2 targets; name the one"),
        (CLASSES + "-stim twelve.stim.csv -beh condition -confusion out/c.tsv", FAILED, r"twelve\.stim\.csv: no column 'condition'"),
        (CLASSES + "-memory 1000", FAILED, r"raise --memory"),
        (READ + "twelve.roi.h5 -values probability", FAILED, r"support vectors \(svc\), which have no probabilities; give -values decision"),
        (READ + "twelve.roi.h5 -layer fc", USAGE, r"-layer, -chn and -dmask belong to -act"),
        (READ + "twelve.roi.h5 -roi V2 V1 IT", FAILED, r"twelve\.roi\.h5: -roi names 'V2' where the weights of svc\.weights\.h5 have 'V1'"),
        (READ + "twelve.roi.h5 -roi V1 V2", FAILED, r"twelve\.roi\.h5 holds 2 columns but the weights .* are for 3"),
        (READ + "brain.rdm.h5", FAILED, r"brain\.rdm\.h5: "),
        (READ + "bold.nii.gz -bmask rois.nii.gz", FAILED, r"bold\.nii\.gz holds 74 voxels but the weights of svc\.weights\.h5 are for 3"),
        (READ + "flat.npy", FAILED, r"flat\.npy holds 48 columns but the weights of svc\.weights\.h5 are for 3"),
        (READ + "twelve.roi.h5 -weights voxels.weights.h5", FAILED, r"the weights of voxels\.weights\.h5 are of voxels; give an image"),
        (READ + "bold.nii.gz -bmask rois.nii.gz -roi 1 -weights voxels.weights.h5", FAILED, r"holds 40 voxels but the weights of voxels\.weights\.h5 are for 3"),
        (READ + "bad/nan.nii.gz -weights voxels.weights.h5", FAILED, r"nan\.nii\.gz: voxel \(1,2,3\) is nan in volume 5"),
        (READ + "bad/other_shape.nii.gz -weights voxels.weights.h5", FAILED, r"other_shape\.nii\.gz: has no voxel \(1,2,3\), it is 6x5x3"),
    ],
    "options": [
        ("dnn_act", USAGE, r"missing options: -net, -stim, -out$"),
        ("dnn_fe -act layers.act.h5", USAGE, r"missing options: -meth, -out$"),
        ("dnnbrain rsa -drdm dnn.rdm.h5 -brdm brain.rdm.h5", USAGE, r"missing option: -out$"),
        ("dnn_view -net net.onnx -stim pictures.stim.csv -out out/maps", USAGE, r"missing options: -layer, -chn$"),
        ("db_info", USAGE, r"missing option: NAME"),
        ("db_info nowhere.csv", FAILED, r"nowhere\.csv: there is no such file, and no network of that name"),
        ("db_info net.onnx more", USAGE, r"unexpected argument 'more'"),
        (PICTURES + "-lyer conv1", USAGE, r"unknown option -lyer; nearest are 'layer'"),
        (PICTURES + "--compres", USAGE, r"unknown option --compres; nearest are 'compress'"),
        (PICTURES + "-layer conv1 -batch", USAGE, r"-batch needs a value \(N\)"),
        (PICTURES + "-net -batch 3", USAGE, r"-net needs a value \(NET\)"),
        (PICTURES + "-net ''", USAGE, r"-net: its value is empty"),
        (PICTURES + "-layer -batch 3", USAGE, r"-layer takes at least 1 values?, got 0"),
        (MASK + "-chn", USAGE, r"-chn takes at least 1 values?, got 0"),
        (MASK + "-chn one", USAGE, r"-chn: 'one' is not a whole number"),
        (MASK + "-chn 1.5", USAGE, r"-chn: '1\.5' is not a whole number"),
        (MASK + "-chn 0", USAGE, r"-chn: 0 is outside 1\.\."),
        (MASK + "-chn -1", USAGE, r"-chn: -1 is outside 1\.\."),
        (MASK + "-chn 99999999999999999999", USAGE, r"-chn: '9+' is not a whole number"),
        (MASK + "extra", USAGE, r"unexpected argument 'extra'"),
        (MASK + "--compress=yes", USAGE, r"-compress takes no value"),
        ("dnn_pool -act layers.act.h5 -meth avg -out out/x.act.h5", USAGE, r"-meth: 'avg' is not one of max\|mean\|median\|L1\|L2"),
        (FE + "-meth pca", USAGE, r"-meth takes 2 values, got 1"),
        (FE + "-meth pca 3 4", USAGE, r"-meth takes 2 values, got 3"),
        (FE + "-meth ica 3", USAGE, r"-meth: 'ica' is not pca, hist or psd"),
        (FE + "-meth pca 0", USAGE, r"-meth pca: '0' is not a number of components"),
        (FE + "-meth pca -2", USAGE, r"-meth pca: '-2' is not a number of components"),
        (FE + "-meth pca 1.5", USAGE, r"-meth pca: '1\.5' is not a number of components"),
        (FE + "-meth pca nan", USAGE, r"-meth pca: 'nan' is not a number of components"),
        (FE + "-meth hist 0.5", USAGE, r"-meth hist: '0\.5' is not a number of bins"),
        (FE + "-meth hist 1e30", USAGE, r"-meth hist: '1e30' is not a number of bins"),
        (FE + "-meth pca 0.5 -axis chn", USAGE, r"a share of variance works without -axis"),
        (FE + "-meth pca 3 -axis row", USAGE, r"-axis: 'row' is not one of chn\|row_col"),
        (PICTURES + "-size 16", USAGE, r"-size takes 2 values, got 1"),
        (PICTURES + "-size 16 -16", USAGE, r"-size: -16 is outside 1\.\.65536"),
        (PICTURES + "-range 2", USAGE, r"-range is 1 or 255, not 2"),
        (PICTURES + "-range 256", USAGE, r"-range is 1 or 255, not 256"),
        (PICTURES + "-channels rgb", USAGE, r"-channels: 'rgb' is not one of RGB\|BGR"),
        (PICTURES + "-mean 0.5 0.5", USAGE, r"-mean takes 3 values, got 2"),
        (PICTURES + "-std 1 0 1", USAGE, r"-std: 0 is not positive"),
        (PICTURES + "-std 1 nan 1", USAGE, r"-std: 'nan' is not a number"),
        (PICTURES + "-batch -1", USAGE, r"-batch: -1 is outside 0\.\.65536"),
        (PICTURES + "-threads -1", USAGE, r"-threads: -1 is outside 0\.\.1024"),
        (PICTURES + "-threads 1e2", USAGE, r"-threads: '1e2' is not a whole number"),
        (PICTURES + "-memory lots", USAGE, r"-memory: 'lots' is not a size; write e\.g\. 500M or 4G"),
        (PICTURES + "-memory 0", USAGE, r"-memory: '0' is not a size"),
        (PICTURES + "-memory -1G", USAGE, r"-memory: '-1G' is not a size"),
        (PICTURES + "-pool avg", USAGE, r"-pool: 'avg' is not one of max\|mean\|median\|L1\|L2"),
        (DRDM + "-metric euclid", USAGE, r"-metric: .*'euclid'.* euclidean"),
        (DRDM + "-metric minkowski -p 0", USAGE, r"-p: 0 is outside 0\.001\.\.1000"),
        (DRDM + "-iteraxis rows", USAGE, r"-iteraxis: 'rows' is not one of channel\|row_col"),
        (DRDM + "-nif bold.nii.gz", USAGE, r"give either -act .* or -nif with -bmask"),
        ("dnn_rsa -out out/x.rdm.h5", USAGE, r"give either -act .* or -nif with -bmask"),
        ("brain_rsa -nif bold.nii.gz -out out/x.rdm.h5", USAGE, r"-nif needs -bmask"),
        (DRDM + "-roi 1", USAGE, r"-bmask and -roi belong to -nif"),
        ("dnn_rsa -net net.onnx -out out/x.rdm.h5", USAGE, r"-net needs -stim"),
        ("dnn_rsa -stim pictures.stim.csv -out out/x.rdm.h5", USAGE, r"-stim needs -net"),
        ("dnn_fe -meth pca 2 -out out/x.act.h5", USAGE, r"give either -act or -net with -stim"),
        (SEEN + "-act layers.act.h5", USAGE, r"either -act or -net with -stim, not both"),
        (SEEN + "-nif bold.nii.gz -bmask rois.nii.gz", USAGE, r"or -nif with -bmask"),
        (DRDM + "-pool max", USAGE, r"-pool and -scratch belong to -net"),
        (DRDM + "-size 8 8", USAGE, r"-size, .* belong to -net"),
        (BRDM + "-scratch out", USAGE, r"with -nif no network is run"),
        (SEEN + "-memory 1000", FAILED, r"budget is 0\.0 MB"),
        (SEEN + "-scratch nowhere -memory 400K", FAILED, r"nowhere: cannot make the scratch file: No such file"),
        (SEEN + "-cate bad/eleven.stim.csv", FAILED, r"eleven\.stim\.csv lists 11 stimuli but pictures\.stim\.csv holds 7"),
        (SEEN.replace("dnn_rsa", "dnn_fe") + "-meth pca 8", FAILED, r"layer conv1: 8 features asked for, .* at most 7"),
        (PICTURES + "-layer fc -project 5", FAILED, r"layer fc has 5 units: a projection to 5 features"),
        (PICTURES + "-layer fc -project 0", USAGE, r"-project"),
        (BRDM + "-layer conv", USAGE, r"-layer, -chn, -dmask and -iteraxis belong to -act"),
        (DRDM + "-fig out/x.bmp", USAGE, r"-fig out/x\.bmp: a figure's name ends in \.png, \.svg or \.pdf"),
        (DRDM + "-show", USAGE, r"-show and -order need -fig"),
        ("brain_roi -nif bold.nii.gz -mask rois.nii.gz -method median -out out/x.roi.h5", USAGE,
         r"-method: 'median' is not one of mean\|max\|std"),
        (RSA + "-boot 1", USAGE, r"-boot takes 0 or at least 2 draws"),
        (RSA + "-permute -1", USAGE, r"-permute: -1 is outside 0\.\."),
        (RSA + "-permute 1.5", USAGE, r"-permute: '1\.5' is not a whole number"),
        (RSA + "-method tau", USAGE, r"-method: 'tau' is not one of spearman\|pearson\|kendall-a\|kendall-b"),
        (RSA + "-figformat bmp", USAGE, r"-figformat: 'bmp' is not one of png\|svg\|pdf\|none"),
        (RSA + "-seed -5", USAGE, r"-seed: -5 is outside 0\.\."),
        (VIEW + "-layer conv1 conv2 -chn 1", USAGE, r"-layer takes 1 value, got 2"),
        (VIEW + "-layer conv1 -chn 1 2 3 4 5 6", USAGE, r"-chn takes at most 5 values, got 6"),
        (VIEW + "-layer conv1 -chn 1 -cmap turbo", USAGE, r"-cmap: colour map 'turbo' is unknown; choose one of viridis"),
        (VIEW + "-layer conv1 -chn 1 -vmin 3 -vmax 1", USAGE, r"-vmin 3 is not below -vmax 1"),
        (VIEW + "-layer conv1 -chn 1 -format bmp", USAGE, r"-format: 'bmp' is not one of jpg\|png\|svg\|pdf"),
        ("dnnbrain demo -each 1 -out out/demo", USAGE, r"-each: 1 is outside 2\.\.200"),
    ],
}


def everything(folder):
    """All files below folder, without what stands behind links."""
    return {os.path.relpath(os.path.join(here, f), folder) for here, dirs, files in os.walk(folder) for f in files + dirs}


def refuse(command, status, *patterns):
    """What is wrong with the program's answer."""
    words = shlex.split(command)
    with tempfile.TemporaryDirectory(prefix="dnb-refuse-") as work:
        for name in os.listdir(FIXTURES):
            os.symlink(os.path.join(FIXTURES, name), os.path.join(work, name))
        os.mkdir(os.path.join(work, "out"))
        before = everything(work)
        env = {k: v for k, v in os.environ.items() if k != "DNNBRAIN_DATA"}
        done = subprocess.run([os.path.join(os.path.dirname(PROGRAM), words[0]), *words[1:], "-json"], cwd=work, text=True,
                              env=dict(env, LC_ALL="C.UTF-8"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=120, check=False)
        left = everything(work) - before
    problems = ["%s is left behind" % name for name in sorted(left)]
    if SANITIZER.search(done.stderr):
        return ["a sanitizer spoke"], done
    if done.returncode != status:
        problems.append("exit %d, expected %d" % (done.returncode, status))
    said = [line for line in done.stderr.splitlines() if not line.startswith(("usage: ", " "))]
    if status == FAILED and len(said) != len(done.stderr.splitlines()):
        problems.append("a usage text where the command line is right")
    said = [line for line in said if not (status == FAILED and " images, " in line)]  # the plan, before the failure
    if len(said) != 1 or not said[0].startswith("dnnbrain "):
        return problems + ["expected one error line"], done
    message = re.sub(r"^dnnbrain [\w-]+: ", "", said[0])
    problems += ["no match of /%s/" % p for p in patterns if not re.search(p, message)]
    if done.stdout or status == FAILED:
        try:
            summary = json.loads(done.stdout)
            if summary["ok"] is not False or summary["error"] != message:
                problems.append("the JSON says otherwise")
        except (ValueError, KeyError) as e:
            problems.append("no JSON object with ok and error: %r" % e)
    return problems, done


def main(group):
    if not os.path.exists(os.path.join(FIXTURES, "layers.act.h5")):
        print("skipped: the fixtures could not be made")
        return 77
    failures = 0
    for command, status, *patterns in GROUPS[group]:
        weights = re.search(r"bad/\w+\.pth", command)
        if weights and not os.path.exists(os.path.join(FIXTURES, weights.group())):
            continue  # made where torch is
        problems, done = refuse(command, status, *patterns)
        if problems:
            failures += 1
            print("%s\n  %s\n%s%s" % (command, "\n  ".join(problems), done.stdout, done.stderr))
    print("%d refusals, %d wrong" % (len(GROUPS[group]), failures))
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in GROUPS:
        sys.exit("usage: refusals.py " + "|".join(GROUPS))
    sys.exit(main(sys.argv[1]))
