#!/bin/sh
# run.sh static|shared|add_subdirectory <work folder>
# Uses ferrule the way its users do. static and shared: install, move the installed tree elsewhere, then build and run
# a consumer with find_package and with pkg-config. Environment: CXX, CMAKE.
set -eu
way=$1
work=$2/$1
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cmake=${CMAKE:-cmake}
CXX=${CXX:-c++}
ccache=$(command -v ccache || true)

# configure_and_build <source folder> <build folder> <cmake arguments>...
configure_and_build() {
    from=$1 to=$2
    shift 2
    # Static libraries as the preset dev builds them, so that ccache has them. Shared ones as a release of several sources at a
    # time, but not optimised: that would take most of the time and tell nothing.
    if [ "$way" = shared ]; then
        set -- -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE=-DNDEBUG -DCMAKE_UNITY_BUILD=ON "$@"
    else
        set -- -DCMAKE_BUILD_TYPE=Debug "-DCMAKE_CXX_FLAGS_DEBUG=-O1 -g1" -DFERRULE_WERROR=ON "$@"
    fi
    "$cmake" -S "$from" -B "$to" -G Ninja "-DCMAKE_CXX_COMPILER=$CXX" \
        "-DCMAKE_CXX_COMPILER_LAUNCHER=$ccache" "$@"
    CCACHE_NOHASHDIR=1 "$cmake" --build "$to" -j 2
}

# Afresh each time, ccache makes that quick: in a build folder made by another compiler CMake drops its cache and with it
# its -D arguments.
rm -rf "$work"
mkdir -p "$work"

if [ "$way" = add_subdirectory ]; then
    configure_and_build "$here/add_subdirectory" "$work/consumer"
    "$work/consumer/consumer"
    exit
fi

shared=OFF
[ "$way" = static ] || shared=ON
configure_and_build "$root" "$work/build" "-DBUILD_SHARED_LIBS=$shared"
# The prefix is given here and not only when configuring, so that nothing can ever land in /usr/local.
env -u DESTDIR "$cmake" --install "$work/build" --prefix "$work/staging"
mv "$work/staging" "$work/prefix"

libdir=$(dirname "$(find "$work/prefix" -name 'libferrule_framing.*' | head -n 1)")
if [ "$way" = shared ] && ldd "$libdir/libferrule.so" | grep 'not found'; then
    echo "libferrule.so does not find the library beside it: INSTALL_RPATH" >&2
    exit 1
fi

echo "== find_package"
configure_and_build "$here/find_package" "$work/consumer" "-DCMAKE_PREFIX_PATH=$work/prefix;$root/.deps/usr"
"$work/consumer/consumer"
"$work/consumer/values"
"$work/consumer/managers"
"$work/consumer/encrypted"
"$work/consumer/own_type"

echo "== pkg-config"
export PKG_CONFIG_PATH="$libdir/pkgconfig"
# with_pkg_config <program> <its packages>...
with_pkg_config() {
    program=$1
    shift
    cflags=$(pkg-config --cflags "$@")
    libs=$(pkg-config --libs "$@")
    eval "set -- $cflags" # quoted for a shell, since folders may have spaces
    ${ccache:+"$ccache"} "$CXX" -std=c++20 -isystem "$root/.deps/usr/include" "$here/find_package/$program.cpp" -c \
        -o "$work/$program.o" "$@"
    eval "set -- $libs"
    "$CXX" "$work/$program.o" -o "$work/$program-pkg-config" "$@" "-Wl,-rpath,$libdir"
    "$work/$program-pkg-config"
}
with_pkg_config main ferrule
if [ "$way" = static ]; then
    eval "set -- $(pkg-config --libs ferrule)"
    : | "$CXX" -shared -o "$work/plugin.so" -x c++ - -x none "$@"
    readelf -d "$work/plugin.so" | grep -q NODELETE || {
        echo "a plug-in that is linked by pkg-config can be unloaded: ferrule.pc" >&2
        exit 1
    }
fi
with_pkg_config values ferrule ferrule-json ferrule-msgpack
with_pkg_config managers ferrule-multiprocessing ferrule-json
with_pkg_config encrypted ferrule-tls
