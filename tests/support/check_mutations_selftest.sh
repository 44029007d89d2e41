#!/bin/sh
# check_mutations_selftest.sh <repository> <folder to work in> <program of tests>...: whether check_mutations.sh sees what is wrong
# with a patch.
set -eu
root=$1
work=$2
shift 2
check=$root/tests/support/check_mutations.sh

good=$(grep -l '^Promise: lock$' "$root"/tests/mutations/*.patch | head -n 1)
# expect <outcome> <what> <sed script> <program>...: checks a patch that is `good` as the script changes it
expect() {
    expected=$1
    what=$2
    script=$3
    shift 3
    rm -rf "$work"
    mkdir -p "$work"
    sed "$script" "$good" >"$work/one.patch"
    outcome=fine
    sh "$check" "$root" "$work" "$@" 2>"$work/log" || outcome=wrong
    [ "$outcome" = "$expected" ] || {
        printf '%s: expected %s\n' "$what" "$expected" >&2
        cat "$work/log" >&2
        exit 1
    }
}
expect fine 'as it is' '' "$@"
expect wrong 'without a promise' 1d "$@"
expect wrong 'with an empty sentence' '2s/:.*/:/' "$@"
expect wrong 'with a test that there is not' '3s/$/ or not/' "$@"
expect wrong 'for other sources' '5,999s/^ /  /' "$@"
rm "$work"/*
! sh "$check" "$root" "$work" "$@" 2>/dev/null # without any patch
