#!/bin/sh
# Runs the tests, with the throwaway servers' folders in memory where there is room: the tests make
# thousands of databases, and a file system on a disk takes three to four times as long for that.
# Arguments go to `cargo test`. TMPDIR, when it is set, is left as it is.
set -eu
cd "$(dirname "$0")/.."

# In KiB: what the tests' servers need at the most, and what they leave to everything else.
room=4194304
memory=8388608

in_memory() {
    [ -z "${TMPDIR:-}" ] && [ -w /dev/shm ] && [ -r /proc/meminfo ] || return 1
    [ "$(df -Pk /dev/shm | awk 'NR == 2 { print $4 }')" -ge "$room" ] || return 1
    [ "$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)" -ge "$memory" ]
}

if in_memory; then
    TMPDIR=$(mktemp -d /dev/shm/airlock-tests-XXXXXX)
    export TMPDIR
    # Root's servers run as another user.
    chmod 1777 "$TMPDIR"
    trap 'rm -rf "$TMPDIR"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
fi
cargo test --no-fail-fast "$@"
