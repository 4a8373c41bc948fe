# Every outside library, found once. DNB_DEPENDENCIES is what the library links.
find_package(PkgConfig REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS C)
find_package(Threads REQUIRED)
pkg_check_modules(FFTW REQUIRED IMPORTED_TARGET fftw3)
pkg_check_modules(CJSON REQUIRED IMPORTED_TARGET libcjson)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(LIBZIP REQUIRED IMPORTED_TARGET libzip)
pkg_search_module(HDF5 REQUIRED IMPORTED_TARGET hdf5-serial hdf5)
pkg_check_modules(JPEG REQUIRED IMPORTED_TARGET libjpeg)
pkg_check_modules(PNG REQUIRED IMPORTED_TARGET libpng)
pkg_check_modules(CAIRO REQUIRED IMPORTED_TARGET cairo)
pkg_check_modules(PROTOBUFC REQUIRED IMPORTED_TARGET libprotobuf-c)
pkg_check_modules(OPENBLAS REQUIRED IMPORTED_TARGET openblas)
find_library(LAPACKE_LIBRARY lapacke REQUIRED)
find_program(PROTOC_GEN_C protoc-gen-c REQUIRED)
find_program(PROTOC_C NAMES protoc protoc-c REQUIRED) # protoc-c is deprecated where protoc exists

# oneDNN: the header names its version; each major version has its own source file.
find_path(DNNL_INCLUDE_DIR dnnl.h REQUIRED)
find_library(DNNL_LIBRARY dnnl REQUIRED)
file(STRINGS ${DNNL_INCLUDE_DIR}/oneapi/dnnl/dnnl_version.h dnnl_major_line
     REGEX "define DNNL_VERSION_MAJOR")
string(REGEX MATCH "[0-9]+" DNB_ONEDNN_MAJOR "${dnnl_major_line}")
message(STATUS "oneDNN ${DNB_ONEDNN_MAJOR}.x at ${DNNL_LIBRARY}")

# Keeps the onednn_v<major>.c that fits the installed library, drops the others.
function(dnb_select_onednn_sources list)
  set(kept ${${list}})
  list(FILTER kept EXCLUDE REGEX "/onednn_v[0-9]+\\.c$")
  set(chosen ${PROJECT_SOURCE_DIR}/src/net/onednn_v${DNB_ONEDNN_MAJOR}.c)
  if(EXISTS ${chosen})
    list(APPEND kept ${chosen})
  endif()
  set(${list} ${kept} PARENT_SCOPE)
endfunction()

# ONNX messages: src/net/onnx.proto -> gen/onnx.pb-c.{h,c}
set(DNB_GENERATED_SOURCES)
if(EXISTS ${PROJECT_SOURCE_DIR}/src/net/onnx.proto)
  set(gen ${PROJECT_BINARY_DIR}/gen)
  file(MAKE_DIRECTORY ${gen})
  add_custom_command(
    OUTPUT ${gen}/onnx.pb-c.c ${gen}/onnx.pb-c.h
    COMMAND ${PROTOC_C} --c_out=${gen} --proto_path=${PROJECT_SOURCE_DIR}/src/net onnx.proto
    DEPENDS ${PROJECT_SOURCE_DIR}/src/net/onnx.proto)
  set(DNB_GENERATED_SOURCES ${gen}/onnx.pb-c.c ${gen}/onnx.pb-c.h)
  set_source_files_properties(${gen}/onnx.pb-c.c PROPERTIES COMPILE_OPTIONS "-w")
endif()

set(DNB_DEPENDENCIES OpenMP::OpenMP_C Threads::Threads PkgConfig::CJSON PkgConfig::XXHASH
    PkgConfig::ZLIB PkgConfig::LIBZIP PkgConfig::HDF5 PkgConfig::JPEG PkgConfig::PNG PkgConfig::CAIRO
    PkgConfig::PROTOBUFC PkgConfig::FFTW ${LAPACKE_LIBRARY} PkgConfig::OPENBLAS ${DNNL_LIBRARY} m)
