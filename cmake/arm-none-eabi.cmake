# Bare-metal ARM. POSTRIDER_ARM_CPU chooses the core: cortex-m4, cortex-m0plus, ...
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)

set(POSTRIDER_ARM_CPU cortex-m4 CACHE STRING "What -mcpu gets")
# A compiler check may not try to link: there is no board and no libc start-up here.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES POSTRIDER_ARM_CPU)

set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_CXX_COMPILER arm-none-eabi-g++)

set(arm_flags "-mcpu=${POSTRIDER_ARM_CPU} -mthumb -ffunction-sections -fdata-sections")
# The call graph with stack sizes is what the size report computes the worst stack from.
string(APPEND arm_flags " -fstack-usage -fcallgraph-info=su")
set(CMAKE_C_FLAGS_INIT "${arm_flags}")
set(CMAKE_CXX_FLAGS_INIT "${arm_flags} -fno-exceptions -fno-rtti -fno-threadsafe-statics")

# ccache does not store call-graph files, so a hit would leave the report without its input.
set(POSTRIDER_CCACHE OFF CACHE BOOL "Off: see cmake/arm-none-eabi.cmake" FORCE)

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
