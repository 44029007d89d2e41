#!/bin/sh
# check_mutations_selftest.sh <repository> <folder to work in>: whether check_mutations.sh sees what is wrong with a patch.
set -eu
root=$1
work=$2
check=$root/tests/support/check_mutations.sh

good=$(grep -l '^Promise: lock$' "$root"/tests/mutations/*.patch | head -n 1)
# expect <outcome> <what> <sed script>: checks a patch that is `good` as the script changes it
expect() {
    rm -rf "$work"
    mkdir -p "$work"
    sed "$3" "$good" >"$work/one.patch"
    outcome=fine
    sh "$check" "$root" "$work" 2>"$work/log" || outcome=wrong
    [ "$outcome" = "$1" ] || {
        printf '%s: expected %s\n' "$2" "$1" >&2
        cat "$work/log" >&2
        exit 1
    }
}
expect fine 'as it is' ''
expect wrong 'without a promise' 1d
expect wrong 'with an empty sentence' '2s/:.*/:/'
expect wrong 'with a test that there is not' '3s/$/ or not/'
expect wrong 'for other sources' '5,999s/^ /  /'
rm "$work"/*
! sh "$check" "$root" "$work" 2>/dev/null # without any patch
