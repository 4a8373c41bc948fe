# Generated from the option tables by `dnnbrain --generate-docs`; do not edit.
_dnnbrain()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} cmd=${COMP_WORDS[0]##*/}
    COMPREPLY=()
    if [[ $cmd == dnnbrain ]]; then
        if ((COMP_CWORD == 1)); then
            COMPREPLY=($(compgen -W 'act mask pool fe roi rdm rsa view info demo run encode probe corr decode predict group --help --version' -- "$cur"))
            return
        fi
        cmd=${COMP_WORDS[1]}
    fi
    case $cmd in
    act|dnn_act)
        case $prev in
            -net|--net) ;;
            -stim|--stim) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -weights|--weights) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -size|--size) ;;
            -channels|--channels) COMPREPLY=($(compgen -W 'RGB BGR' -- "$cur")) ;;
            -range|--range) ;;
            -mean|--mean) ;;
            -std|--std) ;;
            -layer|--layer) ;;
            -chn|--chn) ;;
            -dmask|--dmask) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -pool|--pool) COMPREPLY=($(compgen -W 'max mean median L1 L2' -- "$cur")) ;;
            -project|--project) ;;
            -projection|--projection) COMPREPLY=($(compgen -W 'li achlioptas' -- "$cur")) ;;
            -seed|--seed) ;;
            -out|--out) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -batch|--batch) ;;
            -precision|--precision) COMPREPLY=($(compgen -W 'float32 bf16' -- "$cur")) ;;
            -threads|--threads) ;;
            -memory|--memory) ;;
            *) if [[ $cur == -* ]]; then
                   COMPREPLY=($(compgen -W ' -net -stim -weights -size -channels -range -mean -std -cuda -layer -chn -dmask -pool -project -projection -seed -out -batch -precision -compress -threads -memory -quiet -json -version -help' -- "$cur"))
               else
                   COMPREPLY=($(compgen -f -- "$cur"))
               fi ;;
        esac ;;
    mask|dnn_mask)
        case $prev in
            -act|--act) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -layer|--layer) ;;
            -chn|--chn) ;;
            -dmask|--dmask) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -out|--out) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -threads|--threads) ;;
            -memory|--memory) ;;
            *) if [[ $cur == -* ]]; then
                   COMPREPLY=($(compgen -W ' -act -layer -chn -dmask -out -compress -threads -memory -quiet -json -version -help' -- "$cur"))
               else
                   COMPREPLY=($(compgen -f -- "$cur"))
               fi ;;
        esac ;;
    pool|dnn_pool)
        case $prev in
            -act|--act) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -layer|--layer) ;;
            -chn|--chn) ;;
            -dmask|--dmask) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -meth|--meth) COMPREPLY=($(compgen -W 'max mean median L1 L2' -- "$cur")) ;;
            -out|--out) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -threads|--threads) ;;
            -memory|--memory) ;;
            *) if [[ $cur == -* ]]; then
                   COMPREPLY=($(compgen -W ' -act -layer -chn -dmask -meth -out -compress -threads -memory -quiet -json -version -help' -- "$cur"))
               else
                   COMPREPLY=($(compgen -f -- "$cur"))
               fi ;;
        esac ;;
    fe|dnn_fe)
        case $prev in
            -act|--act) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -net|--net) ;;
            -stim|--stim) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -weights|--weights) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -size|--size) ;;
            -channels|--channels) COMPREPLY=($(compgen -W 'RGB BGR' -- "$cur")) ;;
            -range|--range) ;;
            -mean|--mean) ;;
            -std|--std) ;;
            -pool|--pool) COMPREPLY=($(compgen -W 'max mean median L1 L2' -- "$cur")) ;;
            -scratch|--scratch) ;;
            -layer|--layer) ;;
            -chn|--chn) ;;
            -dmask|--dmask) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -meth|--meth) ;;
            -axis|--axis) COMPREPLY=($(compgen -W 'chn row_col' -- "$cur")) ;;
            -out|--out) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -threads|--threads) ;;
            -memory|--memory) ;;
            *) if [[ $cur == -* ]]; then
                   COMPREPLY=($(compgen -W ' -act -net -stim -weights -size -channels -range -mean -std -cuda -pool -scratch -layer -chn -dmask -meth -axis -out -compress -threads -memory -quiet -json -version -help' -- "$cur"))
               else
                   COMPREPLY=($(compgen -f -- "$cur"))
               fi ;;
        esac ;;
    roi|brain_roi)
        case $prev in
            -nif|--nif) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -mask|--mask) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -roi|--roi) ;;
            -method|--method) COMPREPLY=($(compgen -W 'mean max std' -- "$cur")) ;;
            -out|--out) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -threads|--threads) ;;
            -memory|--memory) ;;
            *) if [[ $cur == -* ]]; then
                   COMPREPLY=($(compgen -W ' -nif -mask -roi -method -out -threads -memory -quiet -json -version -help' -- "$cur"))
               else
                   COMPREPLY=($(compgen -f -- "$cur"))
               fi ;;
        esac ;;
    rdm|dnn_rsa|brain_rsa)
        case $prev in
            -act|--act) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -net|--net) ;;
            -stim|--stim) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -weights|--weights) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -size|--size) ;;
            -channels|--channels) COMPREPLY=($(compgen -W 'RGB BGR' -- "$cur")) ;;
            -range|--range) ;;
            -mean|--mean) ;;
            -std|--std) ;;
            -pool|--pool) COMPREPLY=($(compgen -W 'max mean median L1 L2' -- "$cur")) ;;
            -scratch|--scratch) ;;
            -layer|--layer) ;;
            -chn|--chn) ;;
            -dmask|--dmask) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -iteraxis|--iteraxis) COMPREPLY=($(compgen -W 'channel row_col' -- "$cur")) ;;
            -nif|--nif) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -bmask|--bmask) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -roi|--roi) ;;
            -cate|--cate) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -metric|--metric) ;;
            -p|--p) ;;
            -out|--out) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -fig|--fig) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -order|--order) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -threads|--threads) ;;
            -memory|--memory) ;;
            *) if [[ $cur == -* ]]; then
                   COMPREPLY=($(compgen -W ' -act -net -stim -weights -size -channels -range -mean -std -cuda -pool -scratch -layer -chn -dmask -iteraxis -nif -bmask -roi -cate -metric -p -zscore -out -fig -order -show -threads -memory -quiet -json -version -help' -- "$cur"))
               else
                   COMPREPLY=($(compgen -f -- "$cur"))
               fi ;;
        esac ;;
    rsa)
        case $prev in
            -drdm|--drdm) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -brdm|--brdm) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -layer|--layer) ;;
            -roi|--roi) ;;
            -method|--method) COMPREPLY=($(compgen -W 'spearman pearson kendall-a kendall-b' -- "$cur")) ;;
            -permute|--permute) ;;
            -boot|--boot) ;;
            -seed|--seed) ;;
            -out|--out) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -figformat|--figformat) COMPREPLY=($(compgen -W 'png svg pdf none' -- "$cur")) ;;
            -threads|--threads) ;;
            -memory|--memory) ;;
            *) if [[ $cur == -* ]]; then
                   COMPREPLY=($(compgen -W ' -drdm -brdm -layer -roi -method -permute -twosided -boot -seed -out -figformat -show -threads -memory -quiet -json -version -help' -- "$cur"))
               else
                   COMPREPLY=($(compgen -f -- "$cur"))
               fi ;;
        esac ;;
    view|dnn_view)
        case $prev in
            -net|--net) ;;
            -stim|--stim) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -weights|--weights) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -size|--size) ;;
            -channels|--channels) COMPREPLY=($(compgen -W 'RGB BGR' -- "$cur")) ;;
            -range|--range) ;;
            -mean|--mean) ;;
            -std|--std) ;;
            -layer|--layer) ;;
            -chn|--chn) ;;
            -cmap|--cmap) ;;
            -vmin|--vmin) ;;
            -vmax|--vmax) ;;
            -format|--format) COMPREPLY=($(compgen -W 'jpg png svg pdf' -- "$cur")) ;;
            -out|--out) COMPREPLY=($(compgen -d -- "$cur")) ;;
            -threads|--threads) ;;
            -memory|--memory) ;;
            *) if [[ $cur == -* ]]; then
                   COMPREPLY=($(compgen -W ' -net -stim -weights -size -channels -range -mean -std -cuda -layer -chn -cmap -vmin -vmax -show -format -out -threads -memory -quiet -json -version -help' -- "$cur"))
               else
                   COMPREPLY=($(compgen -f -- "$cur"))
               fi ;;
        esac ;;
    info|db_info)
        case $prev in
            -weights|--weights) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -size|--size) ;;
            -threads|--threads) ;;
            -memory|--memory) ;;
            *) if [[ $cur == -* ]]; then
                   COMPREPLY=($(compgen -W ' -weights -size -threads -memory -quiet -json -version -help' -- "$cur"))
               else
                   COMPREPLY=($(compgen -f -- "$cur"))
               fi ;;
        esac ;;
    demo)
        case $prev in
            -out|--out) COMPREPLY=($(compgen -d -- "$cur")) ;;
            -each|--each) ;;
            -seed|--seed) ;;
            -draw|--draw) ;;
            -threads|--threads) ;;
            -memory|--memory) ;;
            *) if [[ $cur == -* ]]; then
                   COMPREPLY=($(compgen -W ' -out -each -seed -draw -threads -memory -quiet -json -version -help' -- "$cur"))
               else
                   COMPREPLY=($(compgen -f -- "$cur"))
               fi ;;
        esac ;;
    run)
        case $prev in
            -in|--in) ;;
            -layer|--layer) ;;
            -grad|--grad) ;;
            -wrt|--wrt) ;;
            -out|--out) COMPREPLY=($(compgen -d -- "$cur")) ;;
            -backend|--backend) COMPREPLY=($(compgen -W 'auto onednn reference reference64' -- "$cur")) ;;
            -precision|--precision) COMPREPLY=($(compgen -W 'float32 bf16' -- "$cur")) ;;
            -threads|--threads) ;;
            -memory|--memory) ;;
            *) if [[ $cur == -* ]]; then
                   COMPREPLY=($(compgen -W ' -in -layer -grad -wrt -guided -out -backend -precision -threads -memory -quiet -json -version -help' -- "$cur"))
               else
                   COMPREPLY=($(compgen -f -- "$cur"))
               fi ;;
        esac ;;
    encode|db_encode)
        case $prev in
            -act|--act) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -net|--net) ;;
            -stim|--stim) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -weights|--weights) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -size|--size) ;;
            -channels|--channels) COMPREPLY=($(compgen -W 'RGB BGR' -- "$cur")) ;;
            -range|--range) ;;
            -mean|--mean) ;;
            -std|--std) ;;
            -pool|--pool) COMPREPLY=($(compgen -W 'max mean median L1 L2' -- "$cur")) ;;
            -scratch|--scratch) ;;
            -layer|--layer) ;;
            -chn|--chn) ;;
            -dmask|--dmask) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -iteraxis|--iteraxis) COMPREPLY=($(compgen -W 'channel row_col' -- "$cur")) ;;
            -resp|--resp) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -bmask|--bmask) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -roi|--roi) ;;
            -beh|--beh) ;;
            -anal|--anal) COMPREPLY=($(compgen -W 'uv mv' -- "$cur")) ;;
            -model|--model) COMPREPLY=($(compgen -W 'glm ridge lasso elasticnet pls banded' -- "$cur")) ;;
            -scoring|--scoring) ;;
            -cv|--cv) ;;
            -folds|--folds) COMPREPLY=($(compgen -W 'contiguous stratified shuffled loo groups leave-group-out' -- "$cur")) ;;
            -groups|--groups) ;;
            -alpha|--alpha) ;;
            -alpha-choice|--alpha-choice) COMPREPLY=($(compgen -W 'cv gcv loo' -- "$cur")) ;;
            -inner|--inner) ;;
            -l1-ratio|--l1-ratio) ;;
            -components|--components) ;;
            -pca|--pca) ;;
            -permute|--permute) ;;
            -fdr|--fdr) ;;
            -seed|--seed) ;;
            -iterations|--iterations) ;;
            -bootstrap|--bootstrap) ;;
            -ceiling|--ceiling) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -save-weights|--save-weights) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -fig|--fig) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -out|--out) COMPREPLY=($(compgen -d -- "$cur")) ;;
            -threads|--threads) ;;
            -memory|--memory) ;;
            *) if [[ $cur == -* ]]; then
                   COMPREPLY=($(compgen -W ' -act -net -stim -weights -size -channels -range -mean -std -cuda -pool -scratch -layer -chn -dmask -iteraxis -resp -bmask -roi -beh -anal -model -scoring -cv -folds -groups -allow-leak -alpha -alpha-choice -shared-alpha -inner -l1-ratio -components -pca -permute -max-stat -fdr -seed -iterations -partition -bootstrap -best-layer -ceiling -save-weights -fig -show -out -threads -memory -quiet -json -version -help' -- "$cur"))
               else
                   COMPREPLY=($(compgen -f -- "$cur"))
               fi ;;
        esac ;;
    probe|dnn_probe)
        case $prev in
            -act|--act) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -net|--net) ;;
            -stim|--stim) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -weights|--weights) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -size|--size) ;;
            -channels|--channels) COMPREPLY=($(compgen -W 'RGB BGR' -- "$cur")) ;;
            -range|--range) ;;
            -mean|--mean) ;;
            -std|--std) ;;
            -pool|--pool) COMPREPLY=($(compgen -W 'max mean median L1 L2' -- "$cur")) ;;
            -scratch|--scratch) ;;
            -layer|--layer) ;;
            -chn|--chn) ;;
            -dmask|--dmask) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -iteraxis|--iteraxis) COMPREPLY=($(compgen -W 'channel row_col' -- "$cur")) ;;
            -beh|--beh) ;;
            -anal|--anal) COMPREPLY=($(compgen -W 'uv mv' -- "$cur")) ;;
            -model|--model) COMPREPLY=($(compgen -W 'glm ridge lasso elasticnet pls svc lrc lda gnb corr' -- "$cur")) ;;
            -scoring|--scoring) ;;
            -cv|--cv) ;;
            -folds|--folds) COMPREPLY=($(compgen -W 'contiguous stratified shuffled loo groups leave-group-out' -- "$cur")) ;;
            -groups|--groups) ;;
            -alpha|--alpha) ;;
            -alpha-choice|--alpha-choice) COMPREPLY=($(compgen -W 'cv gcv loo' -- "$cur")) ;;
            -inner|--inner) ;;
            -l1-ratio|--l1-ratio) ;;
            -components|--components) ;;
            -pca|--pca) ;;
            -permute|--permute) ;;
            -fdr|--fdr) ;;
            -seed|--seed) ;;
            -c|--c) ;;
            -bootstrap|--bootstrap) ;;
            -save-weights|--save-weights) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -fig|--fig) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -out|--out) COMPREPLY=($(compgen -d -- "$cur")) ;;
            -threads|--threads) ;;
            -memory|--memory) ;;
            *) if [[ $cur == -* ]]; then
                   COMPREPLY=($(compgen -W ' -act -net -stim -weights -size -channels -range -mean -std -cuda -pool -scratch -layer -chn -dmask -iteraxis -beh -anal -model -scoring -cv -folds -groups -allow-leak -alpha -alpha-choice -shared-alpha -inner -l1-ratio -components -pca -permute -max-stat -fdr -seed -c -bootstrap -best-layer -save-weights -fig -show -out -threads -memory -quiet -json -version -help' -- "$cur"))
               else
                   COMPREPLY=($(compgen -f -- "$cur"))
               fi ;;
        esac ;;
    corr|db_corr)
        case $prev in
            -act|--act) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -net|--net) ;;
            -stim|--stim) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -weights|--weights) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -size|--size) ;;
            -channels|--channels) COMPREPLY=($(compgen -W 'RGB BGR' -- "$cur")) ;;
            -range|--range) ;;
            -mean|--mean) ;;
            -std|--std) ;;
            -pool|--pool) COMPREPLY=($(compgen -W 'max mean median L1 L2' -- "$cur")) ;;
            -scratch|--scratch) ;;
            -layer|--layer) ;;
            -chn|--chn) ;;
            -dmask|--dmask) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -iteraxis|--iteraxis) COMPREPLY=($(compgen -W 'channel row_col' -- "$cur")) ;;
            -resp|--resp) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -bmask|--bmask) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -roi|--roi) ;;
            -groups|--groups) ;;
            -permute|--permute) ;;
            -fdr|--fdr) ;;
            -seed|--seed) ;;
            -fig|--fig) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -out|--out) COMPREPLY=($(compgen -d -- "$cur")) ;;
            -threads|--threads) ;;
            -memory|--memory) ;;
            *) if [[ $cur == -* ]]; then
                   COMPREPLY=($(compgen -W ' -act -net -stim -weights -size -channels -range -mean -std -cuda -pool -scratch -layer -chn -dmask -iteraxis -resp -bmask -roi -groups -permute -max-stat -fdr -seed -fig -show -out -threads -memory -quiet -json -version -help' -- "$cur"))
               else
                   COMPREPLY=($(compgen -f -- "$cur"))
               fi ;;
        esac ;;
    decode|db_decode)
        case $prev in
            -act|--act) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -net|--net) ;;
            -stim|--stim) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -weights|--weights) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -size|--size) ;;
            -channels|--channels) COMPREPLY=($(compgen -W 'RGB BGR' -- "$cur")) ;;
            -range|--range) ;;
            -mean|--mean) ;;
            -std|--std) ;;
            -pool|--pool) COMPREPLY=($(compgen -W 'max mean median L1 L2' -- "$cur")) ;;
            -scratch|--scratch) ;;
            -layer|--layer) ;;
            -chn|--chn) ;;
            -dmask|--dmask) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -resp|--resp) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -bmask|--bmask) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -roi|--roi) ;;
            -beh|--beh) ;;
            -anal|--anal) COMPREPLY=($(compgen -W 'uv mv' -- "$cur")) ;;
            -model|--model) COMPREPLY=($(compgen -W 'glm ridge lasso elasticnet pls svc lrc lda gnb' -- "$cur")) ;;
            -scoring|--scoring) ;;
            -cv|--cv) ;;
            -folds|--folds) COMPREPLY=($(compgen -W 'contiguous stratified shuffled loo groups leave-group-out' -- "$cur")) ;;
            -groups|--groups) ;;
            -alpha|--alpha) ;;
            -alpha-choice|--alpha-choice) COMPREPLY=($(compgen -W 'cv gcv loo' -- "$cur")) ;;
            -inner|--inner) ;;
            -l1-ratio|--l1-ratio) ;;
            -components|--components) ;;
            -pca|--pca) ;;
            -permute|--permute) ;;
            -fdr|--fdr) ;;
            -seed|--seed) ;;
            -c|--c) ;;
            -save-weights|--save-weights) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -fig|--fig) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -out|--out) COMPREPLY=($(compgen -d -- "$cur")) ;;
            -threads|--threads) ;;
            -memory|--memory) ;;
            *) if [[ $cur == -* ]]; then
                   COMPREPLY=($(compgen -W ' -act -net -stim -weights -size -channels -range -mean -std -cuda -pool -scratch -layer -chn -dmask -resp -bmask -roi -beh -anal -model -scoring -cv -folds -groups -allow-leak -alpha -alpha-choice -shared-alpha -inner -l1-ratio -components -pca -permute -max-stat -fdr -seed -c -save-weights -fig -show -out -threads -memory -quiet -json -version -help' -- "$cur"))
               else
                   COMPREPLY=($(compgen -f -- "$cur"))
               fi ;;
        esac ;;
    predict)
        case $prev in
            -weights|--weights) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -act|--act) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -layer|--layer) ;;
            -chn|--chn) ;;
            -dmask|--dmask) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -resp|--resp) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -bmask|--bmask) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -roi|--roi) ;;
            -stim|--stim) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -beh|--beh) ;;
            -values|--values) COMPREPLY=($(compgen -W 'probability decision none' -- "$cur")) ;;
            -confusion|--confusion) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -like|--like) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -out|--out) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -threads|--threads) ;;
            -memory|--memory) ;;
            *) if [[ $cur == -* ]]; then
                   COMPREPLY=($(compgen -W ' -weights -act -layer -chn -dmask -resp -bmask -roi -stim -beh -values -confusion -like -out -threads -memory -quiet -json -version -help' -- "$cur"))
               else
                   COMPREPLY=($(compgen -f -- "$cur"))
               fi ;;
        esac ;;
    group)
        case $prev in
            -scores|--scores) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -layer|--layer) ;;
            -column|--column) ;;
            -mask|--mask) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -chance|--chance) ;;
            -contrast|--contrast) ;;
            -permute|--permute) ;;
            -fdr|--fdr) ;;
            -bootstrap|--bootstrap) ;;
            -seed|--seed) ;;
            -fig|--fig) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -out|--out) COMPREPLY=($(compgen -f -- "$cur")) ;;
            -threads|--threads) ;;
            -memory|--memory) ;;
            *) if [[ $cur == -* ]]; then
                   COMPREPLY=($(compgen -W ' -scores -layer -column -common -mask -chance -fisher-z -contrast -permute -two-sided -max-stat -fdr -bootstrap -seed -fig -show -out -threads -memory -quiet -json -version -help' -- "$cur"))
               else
                   COMPREPLY=($(compgen -f -- "$cur"))
               fi ;;
        esac ;;
    esac
}
complete -o filenames -F _dnnbrain dnnbrain dnn_act dnn_mask dnn_pool dnn_fe brain_roi dnn_rsa brain_rsa dnn_view db_info db_encode dnn_probe db_corr db_decode
