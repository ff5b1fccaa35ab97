#!/bin/sh
# install.sh find_package|pkg_config BUILD COMPILER: installs the build into a temporary prefix and builds and runs
# consumers that know nothing but that prefix.
set -eu
way=$1 build=$2 compiler=$3
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT INT TERM
prefix=$scratch/prefix
cmake --install "$build" --prefix "$prefix" >"$scratch/install.log" || { cat "$scratch/install.log"; exit 1; }

# Where a shell, man and the user look.
for file in bin/postrider share/man/man1/postrider.1 share/bash-completion/completions/postrider \
    share/zsh/site-functions/_postrider share/fish/vendor_completions.d/postrider.fish; do
    [ -f "$prefix/$file" ] || { echo "$file was not installed" >&2; exit 1; }
done
"$prefix/bin/postrider" --version

# Every installed component gets its consumer: consumer_<component>.cpp.
components=$(find "$prefix" -name 'postrider-*.pc' | sed 's|.*/postrider-\(.*\)\.pc|\1|' | sort)
[ -n "$components" ] || { echo "no pkg-config file was installed" >&2; exit 1; }
for component in $components; do
    consumer=$here/consumer_$component.cpp
    [ -f "$consumer" ] || { echo "test/house has no consumer for the installed component $component" >&2; exit 1; }
    case $way in
    find_package)
        cmake -S "$here/consumer" -B "$scratch/$component" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" \
            -DCMAKE_CXX_COMPILER="$compiler" -DCOMPONENT="$component" -DCONSUMER="$consumer" >"$scratch/log" ||
            { cat "$scratch/log"; exit 1; }
        cmake --build "$scratch/$component"
        "$scratch/$component/consumer"
        ;;
    pkg_config)
        PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name "postrider-$component.pc")")
        export PKG_CONFIG_PATH
        # shellcheck disable=SC2046 # flags are words
        "$compiler" -std=c++20 "$consumer" -o "$scratch/consumer" $(pkg-config --cflags --libs "postrider-$component")
        "$scratch/consumer"
        ;;
    *)
        echo "unknown way: $way" >&2
        exit 64
        ;;
    esac
    echo "ok: $component by $way"
done
