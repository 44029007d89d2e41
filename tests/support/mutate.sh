#!/bin/sh
# Shows that tests notice when a promise is broken: ./run mutate [name...]
# Applies each tests/mutations/<name>.patch to a copy of the sources, builds it, and runs the test that the patch names,
# which has to fail. tests/mutations/README.md says what a patch looks like.
set -eu
cd "$(dirname "$0")/../.."

patches=$PWD/tests/mutations
work=$PWD/build/mutate
source=$work/source
build=$work/build
deps=$PWD/.deps/usr # what ./run has unpacked
seconds=30 # per test; one that takes longer counts as failed

die() {
    printf 'mutate: %s\n' "$*" >&2
    exit 1
}

# What matters of the last command's output.
show_log() { grep -m 5 -E 'error[ :]|FAILED' "$work/log" >&2 || tail -n 20 "$work/log" >&2; }

# field <name> <patch>: the value of a header line
field() { sed -n "s/^$1: *//p" "$2" | head -n 1; }

# Brings the copy up to date; what has not changed is not touched, so that it is not built again.
copy_sources() {
    mkdir -p "$source"
    git ls-files -co --exclude-standard | sort >"$work/wanted"
    (cd "$source" && find . -type f | sed 's|^\./||' | sort) >"$work/present"
    comm -13 "$work/wanted" "$work/present" | while read -r file; do rm -- "$source/$file"; done
    while read -r file; do
        [ -f "$file" ] || continue # deleted, but not yet for git
        if ! cmp -s "$file" "$source/$file"; then
            mkdir -p "$(dirname "$source/$file")"
            cp -- "$file" "$source/$file"
        fi
    done <"$work/wanted"
}

# Without -g, since nobody debugs what is built here.
configure() {
    (cd "$source" && cmake --preset dev -B "$build" -D FERRULE_WERROR=OFF -D CMAKE_CXX_FLAGS_DEBUG=-O1 \
        -D "CMAKE_PREFIX_PATH=$deps" -D FERRULE_BUILD_EXAMPLES=OFF -D FERRULE_BUILD_BENCHMARKS=OFF -D FERRULE_INSTALL=OFF) >"$work/log" 2>&1
}

# make_target <target>...
make_target() { cmake --build "$build" -j 2 --target "$@" >"$work/log" 2>&1; }

# Sets `folder` to the one whose executable has the test.
find_test() {
    for folder in $folders; do
        ! grep -qxF "$1" "$work/$folder.tests" || return 0
    done
    return 1
}

# run_test <folder> <name>: sets `outcome`
run_test() {
    code=0
    pattern=$(printf '%s' "$2" | sed 's/[][,\\]/\\&/g')
    timeout -k 1 "$seconds" "$build/tests/ferrule_$1" -a "$pattern" >"$work/log" 2>&1 || code=$?
    case $code in
    0) outcome=passed ;;
    77) outcome=skipped ;;
    124 | 137) outcome=hangs ;;
    *)
        outcome=failed
        if [ "$code" -gt 128 ]; then outcome=crashes; fi
        if grep -q '^watchdog: .* hangs$' "$work/log"; then outcome=hangs; fi
        ;;
    esac
}

[ $# -gt 0 ] || set -- "$patches"/*.patch
names=
for name; do
    name=$(basename "$name" .patch)
    [ -f "$patches/$name.patch" ] || die "there is no tests/mutations/$name.patch"
    [ -n "$(field Promise "$patches/$name.patch")" ] || die "$name.patch does not say 'Promise:'"
    names="$names $name"
done

mkdir -p "$work"
exec 9>"$work/lock"
flock -n 9 || die "another run is under way"
copy_sources
configure || {
    show_log
    die "cannot configure"
}
folders='unit contract stress integration goals'
make_target ferrule_unit ferrule_contract ferrule_stress ferrule_integration ferrule_goals || {
    show_log
    die "cannot build what is not mutated"
}
for folder in $folders; do
    ctest --test-dir "$build" -N -L "^$folder\$" | sed -n 's/^ *Test *#[0-9]*: //p' >"$work/$folder.tests"
done

# Without mutations the tests pass.
for name in $names; do field 'Caught by' "$patches/$name.patch"; done | sort -u >"$work/catchers"
while read -r catcher; do
    find_test "$catcher" || die "there is no test '$catcher'"
    run_test "$folder" "$catcher"
    [ "$outcome" = passed ] || {
        show_log
        die "without any mutation '$catcher': $outcome"
    }
done <"$work/catchers"

row() { printf '%-40s %-8s %-88s %-16s %7s\n' "$@"; }
row patch promise test result seconds
all=0
missed=0
for name in $names; do
    patch=$patches/$name.patch
    catcher=$(field 'Caught by' "$patch")
    begun=$(date +%s)
    find_test "$catcher"
    if ! patch -d "$source" -p1 -F0 -s -f --no-backup-if-mismatch -i "$patch" >"$work/log" 2>&1; then
        result='DOES NOT APPLY'
        copy_sources
    else
        if ! make_target "ferrule_$folder"; then
            result='DOES NOT BUILD'
        else
            run_test "$folder" "$catcher"
            case $outcome in
            failed) result=caught ;;
            hangs | crashes) result="caught ($outcome)" ;;
            *) result='NOT CAUGHT' ;;
            esac
        fi
        patch -d "$source" -p1 -F0 -s -f -R -i "$patch" || die "cannot take $name back; was it changed meanwhile?"
    fi
    case $result in
    caught*) ;;
    *)
        missed=$((missed + 1))
        cp "$work/log" "$work/$name.log"
        ;;
    esac
    all=$((all + 1))
    row "$name" "$(field Promise "$patch")" "$catcher" "$result" $(($(date +%s) - begun))
done
[ "$missed" = 0 ] || die "$missed of $all mutations were not caught; see build/mutate/<patch>.log"
printf 'All %s mutations were caught.\n' "$all"
