# What ESP-IDF does with a component's CMakeLists.txt, twice: to expand requirements, before it knows the configuration
# (tools/cmake/scripts/component_get_requirements.cmake), and to build. Prints what came out.
# cmake -DCOMPONENT=DIR [-DEARLY=1] [-DCONFIG_ESPOTA_MDNS=y] [-DBUILT=a;b] -P idf_component.cmake
macro(idf_component_register)
    cmake_parse_arguments(_ "" "" "SRCS;INCLUDE_DIRS;PRIV_INCLUDE_DIRS;REQUIRES;PRIV_REQUIRES" ${ARGN})
    message(STATUS "sources: ${__SRCS}")
    message(STATUS "requires: ${__REQUIRES} ${__PRIV_REQUIRES}")
    foreach(source IN LISTS __SRCS)
        get_filename_component(source ${source} ABSOLUTE BASE_DIR ${COMPONENT})
        if(NOT EXISTS ${source})
            message(STATUS "missing: ${source}")
        endif()
    endforeach()
    set(COMPONENT_LIB component)
    if(EARLY)
        return()
    endif()
endmacro()

function(idf_build_get_property variable property)
    if(property STREQUAL BUILD_COMPONENTS)
        set(${variable} ${BUILT} PARENT_SCOPE)
    endif()
endfunction()

function(idf_component_optional_requires)
endfunction()

function(target_compile_definitions target)
    message(STATUS "defines: ${ARGN}")
endfunction()

cmake_policy(SET CMP0057 NEW)
set(CMAKE_CURRENT_LIST_DIR ${COMPONENT})
include(${COMPONENT}/CMakeLists.txt)
