# cmake -DHEADERS=folder -DOUTPUT=file -P exports.cmake: a linker version script that exports what the public
# headers declare DNB_API and nothing else. Hidden visibility alone does not do: gcc exports the dispatchers of
# target_clones and the locks of named critical sections all the same.
file(GLOB headers ${HEADERS}/*.h)
set(names)
foreach(header IN LISTS headers)
  file(READ ${header} text)
  string(REGEX REPLACE "#define[^\n]*" "" text "${text}")
  string(REGEX MATCHALL "DNB_API[^;(]*\\(" declarations "${text}")
  foreach(declaration IN LISTS declarations)
    string(REGEX MATCH "([A-Za-z0-9_]+) *\\($" name "${declaration}")
    list(APPEND names ${CMAKE_MATCH_1})
  endforeach()
endforeach()
list(REMOVE_DUPLICATES names)
list(JOIN names ";\n    " lines)
file(WRITE ${OUTPUT} "{\n  global:\n    ${lines};\n  local:\n    *;\n};\n")
