# The CPU kernels (src/backend/cpu/kernels/*.inc) are written once with the compiler's vector types and compiled once per
# instruction set; src/backend/cpu/isa_<name>.cpp names the set and its flags stand here.
function(tepui_add_isa_kernels target)
  set(flags_portable "")
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    set(flags_avx2 "-mavx2;-mfma;-mf16c")
    set(flags_avx512 "-mavx512f;-mavx512bw;-mavx512vl;-mavx512dq;-mfma;-mf16c;-mprefer-vector-width=512")
  endif()
  # Checked memory accesses are what takes the time then.
  set(level "-O3")
  if(TEPUI_SANITIZE)
    set(level "-O1")
  endif()
  foreach(isa portable avx2 avx512)
    set(source ${PROJECT_SOURCE_DIR}/src/backend/cpu/isa_${isa}.cpp)
    if(EXISTS ${source})
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${level};${flags_${isa}}"
        SKIP_PRECOMPILE_HEADERS ON)
    endif()
  endforeach()
endfunction()
