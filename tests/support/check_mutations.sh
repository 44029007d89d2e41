#!/bin/sh
# check_mutations.sh <repository> <folder of patches> <program of tests>...: whether each mutation still applies to the sources, says
# what it has to say, and names a test of one of the programs. Whether that test catches it, only ./run mutate shows.
set -eu
root=$1
patches=$2
shift 2

tests=$(for program; do "$program" --list-test-names-only || true; done) # Catch2 2 returns how many there are
found=0
wrong=0
complain() {
    printf '%s: %s\n' "$(basename "$patch")" "$1" >&2
    wrong=$((wrong + 1))
}

for patch in "$patches"/*.patch; do
    found=$((found + 1))
    line=0
    for field in Promise Breaks 'Caught by'; do
        line=$((line + 1))
        value=$(sed -n "${line}s/^$field: *//p" "$patch")
        [ -n "$value" ] || complain "line $line does not say '$field: ...'"
    done
    [ -z "$value" ] || printf '%s\n' "$tests" | grep -qxF -e "$value" || complain "there is no test '$value'"
    # As ./run mutate applies it. Nothing is written.
    patch --dry-run -d "$root" -p1 -F0 -s -f -i "$patch" >/dev/null 2>&1 || complain "does not apply"
done
[ "$found" -gt 0 ] && [ "$wrong" = 0 ]
