#!/bin/sh
# arm.sh SOURCE PRESET BUILD: builds core for a Cortex-M and holds the result against the size report's rules.
set -eu
source=$1 preset=$2 build=$3
command -v arm-none-eabi-g++ >/dev/null || {
    echo "arm-none-eabi-g++ is missing: install the Debian packages gcc-arm-none-eabi, libnewlib-arm-none-eabi and" \
        "libstdc++-arm-none-eabi-newlib" >&2
    exit 1
}
cd "$source"
cmake --preset "$preset" -B "$build" >/dev/null
cmake --build "$build" --target postrider_core
exec tools/size_report "$build"
